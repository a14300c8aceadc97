/**
 * How much of a graph's tensors is alive at once: each is there from the node that makes it to its last reader, and nodes run
 * in ONNX Runtime's order. Weights, and what follows from weights alone, are not counted. Nothing is written in place, but a
 * new shape is no new tensor.
 * @module
 */
import { type Dim, Graph, type Value } from "../src/engine/onnx/graph.ts";
import type { GraphSpec } from "../src/engine/onnx/model_proto.ts";
import { elementBytes } from "../src/engine/onnx/tensor.ts";

/** A graph that remembers the size of everything in it. */
export class SizedGraph extends Graph {
  readonly #shapes = new Map<string, readonly number[]>();
  readonly #dtypes = new Map<string, Value["dtype"]>();

  override input(...given: Parameters<Graph["input"]>): Value {
    return this.#remember(super.input(...given), []);
  }

  override nodes(...given: Parameters<Graph["nodes"]>): Value[] {
    const inputs = given[2].filter((value) => value !== undefined);
    return super.nodes(...given).map((value) => this.#remember(value, inputs));
  }

  /** The most bytes alive at once, and the node at which. Inputs and outputs of the graph are alive all the time. */
  peak(): { readonly bytes: number; readonly node: string } {
    const { inputs, outputs, ...spec } = this.spec();
    const nodes = inOrderOfRunning(spec.nodes, outputs.map(({ name }) => name));
    const owner = new Map<string, string>();
    const lastReader = new Map<string, number>();
    const computed = new Set(inputs.map(({ name }) => name));
    const ownerOf = (name: string) => owner.get(name) ?? name;
    for (const [index, node] of nodes.entries()) {
      for (const name of node.inputs) if (computed.has(name)) lastReader.set(ownerOf(name), index);
      if (!node.inputs.some((name) => computed.has(name))) continue;
      for (const name of node.outputs) computed.add(name);
      const isSameTensor = ["Reshape", "Identity"].includes(node.op);
      if (isSameTensor) owner.set(node.outputs[0]!, ownerOf(node.inputs[0]!));
    }
    for (const name of [...inputs, ...outputs].map((value) => ownerOf(value.name))) lastReader.set(name, nodes.length);
    let [alive, peak, at] = [inputs.reduce((sum, { name }) => sum + this.#bytes(name), 0), 0, ""];
    for (const [index, node] of nodes.entries()) {
      const made = node.outputs.filter((name) => computed.has(name) && !owner.has(name));
      alive += made.reduce((sum, name) => sum + this.#bytes(name), 0);
      if (alive > peak) [peak, at] = [alive, node.name];
      const readLast = [...new Set([...node.inputs, ...node.outputs].filter((name) => computed.has(name)).map(ownerOf))]
        .filter((name) => (lastReader.get(name) ?? index) === index && this.#shapes.has(name));
      alive -= readLast.reduce((sum, name) => sum + this.#bytes(name), 0);
    }
    return { bytes: peak, node: at };
  }

  #remember(value: Value, inputs: readonly Value[]): Value {
    const shape = value.shape.map((dim) => typeof dim === "number" ? dim : this.#restOf(value, dim, inputs));
    this.#shapes.set(value.name, shape);
    this.#dtypes.set(value.name, value.dtype);
    return value;
  }

  /** A dimension called "rest" is what a reshape leaves over, or that of the first input. */
  #restOf({ shape }: Value, dim: Dim, inputs: readonly Value[]): number {
    const [first] = inputs;
    const source = first && this.#shapes.get(first.name);
    if (dim !== "rest" || !source) throw new Error(`The size of "${dim}" is not known`);
    const place = first!.shape.indexOf("rest");
    if (place >= 0) return source[place]!;
    const known = shape.filter((other) => typeof other === "number").reduce((product, size) => product * size, 1);
    return source.reduce((product, size) => product * size, 1) / known;
  }

  #bytes(name: string): number {
    return this.#shapes.get(name)!.reduce((product, size) => product * size, elementBytes[this.#dtypes.get(name)!]);
  }
}

/**
 * Backwards from the results, of a node's inputs the one first that was added to the graph last; what leads to no result is
 * left out (ONNX Runtime 1.31 `GraphViewer`, `Graph::ReverseDFSFrom`).
 */
function inOrderOfRunning(nodes: GraphSpec["nodes"], results: readonly string[]): GraphSpec["nodes"] {
  const makerOf = new Map(nodes.flatMap((node, index) => node.outputs.map((name) => [name, index] as const)));
  const makersOf = (names: readonly string[]) => names.flatMap((name) => makerOf.get(name) ?? []).sort((a, b) => a - b);
  const stack = makersOf(results).map((index) => ({ index, inputs: "unseen" }));
  const seen = new Set<number>();
  const order: GraphSpec["nodes"][number][] = [];
  for (let next = stack.pop(); next; next = stack.pop()) {
    const { index, inputs } = next;
    if (inputs === "made") order.push(nodes[index]!);
    if (inputs === "made" || seen.has(index)) continue;
    seen.add(index);
    stack.push(
      { index, inputs: "made" },
      ...makersOf(nodes[index]!.inputs).map((index) => ({ index, inputs: "unseen" })),
    );
  }
  return order;
}
