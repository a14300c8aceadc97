/**
 * Multiplications and additions of a network, counted where its graph is built: 2 per element of each product.
 * @module
 */
import { type Dim, Graph, type Value } from "../src/engine/onnx/graph.ts";

type NodesArguments = Parameters<Graph["nodes"]>;

/** A graph that is only counted, never run. Norms, activations and other work on single elements count as nothing. */
export class CountedGraph extends Graph {
  flops = 0;

  override nodes(...[path, op, inputs, outs, rest]: NodesArguments): Value[] {
    const values = super.nodes(path, op, inputs, outs, rest);
    this.flops += flopsOf(op, inputs, values[0]!, rest.attributes ?? {});
    return values;
  }
}

function flopsOf(
  op: string,
  [first, second]: readonly (Value | undefined)[],
  out: Value,
  attributes: NonNullable<NodesArguments[4]["attributes"]>,
): number {
  switch (op) {
    case "Gemm":
    case "MatMul":
    case "FusedMatMul": {
      if (attributes["transA"]) throw new TypeError(`Cannot count ${op} with transA`);
      return 2 * elements(out.shape) * size(first!.shape.at(-1)!);
    }
    case "Conv":
      // Of each number of the output: one filter, channels × extent.
      return 2 * elements(out.shape) * elements(second!.shape.slice(1));
    case "MultiHeadAttention":
    case "Attention":
      // Query × key and weights × value.
      return 4 * elements(out.shape) * size(second!.shape[1]!);
    default:
      return 0;
  }
}

const elements = (shape: readonly Dim[]) => shape.reduce<number>((product, dim) => product * size(dim), 1);

function size(dim: Dim): number {
  if (typeof dim === "string") throw new TypeError(`Cannot count a graph with the open size "${dim}"`);
  return dim;
}
