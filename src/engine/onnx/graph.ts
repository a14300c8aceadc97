/**
 * ONNX as a small language. A `Graph` collects nodes; a `Module` is a cursor on a checkpoint path, from which a layer reads its
 * weights and names its nodes; a `Value` carries the shape it will have, computed while the graph is built, so that a
 * wrong width is an error with a name and not a wrong picture.
 * @module
 */
import { CheckpointError } from "../errors.ts";
import {
  type Attribute,
  type Dim,
  encodeModel,
  type GraphSpec,
  type InitializerSpec,
  type NodeSpec,
  type ValueSpec,
} from "./model_proto.ts";
import { type Int4Matrix, int4Shape } from "./int4.ts";
import { type Checkpoint, placeOf, type Weight } from "./safetensors.ts";
import { type DType, onnxElementType, type Tensor } from "./tensor.ts";

export type { Attribute, Dim } from "./model_proto.ts";

/** The result of a node, an input or a weight. A named dimension is known only at run time. */
export interface Value {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly Dim[];
}

/** A wrong use of the graph language: shapes that do not fit, a name used twice. */
export class GraphError extends TypeError {
  override readonly name = "GraphError";
}

/** One ONNX graph under construction. */
export class Graph {
  readonly #nodes: NodeSpec[] = [];
  readonly #initializers = new Map<string, InitializerSpec>();
  readonly #inputs: ValueSpec[] = [];
  readonly #outputs: ValueSpec[] = [];
  readonly #values = new Map<string, Value>();
  readonly #uses = new Map<string, number>();

  /** @param computeDType what the network calculates in; weights stored otherwise are cast where they are used */
  constructor(readonly name: string, readonly computeDType: DType = "float32") {}

  /** Declares an input. */
  input(name: string, shape: readonly Dim[], dtype: DType = this.computeDType): Value {
    const value = this.#define({ name, dtype, shape });
    this.#inputs.push(value);
    return value;
  }

  /** Declares that `value` leaves the graph under `name`. */
  output(name: string, value: Value): void {
    const { dtype, shape } = value;
    const identity = { op: "Identity", inputs: [value.name], outputs: [name], outputDTypes: [dtype], attributes: {} };
    this.#nodes.push({ name: `output/${name}`, ...identity });
    this.#outputs.push({ name, dtype, shape });
  }

  /** A tensor known while building. Equal names mean equal tensors. */
  constant(name: string, tensor: Tensor): Value {
    const { dtype, shape, data } = tensor;
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    return this.#values.get(name) ?? this.#initializer({ name, dtype, shape, source: { bytes } });
  }

  /** A weight of a checkpoint in the dtype it is stored in. @throws GraphError for 4 bits, which are no tensor: see `int4` */
  weight(weight: Weight): Value {
    const { name, dtype, shape, source } = weight;
    if (dtype === "int4") throw new GraphError(`Cannot use "${name}" but as a matrix to multiply by: it is in 4 bits`);
    return this.#values.get(name) ?? this.#initializer({ name, dtype, shape, source });
  }

  /** Matrices in 4 bits, as an operator takes them; undefined where one of them is not. */
  int4(weights: readonly Weight[]): readonly Int4Matrix[] | undefined {
    if (!weights.every(({ dtype }) => dtype === "int4")) return undefined;
    return weights.map(({ name, shape, source, blockScales }) => ({
      numbers: this.#values.get(name) ??
        this.#initializer({ name, dtype: "uint8", shape: int4Shape(shape), source }),
      scales: this.weight(blockScales!),
    }));
  }

  /** Whether these can be one matrix, one below the other. */
  canStack(weights: readonly Weight[]): boolean {
    return new Set(weights.map(({ dtype }) => dtype === "int4")).size === 1;
  }

  /** What the numbers of weights, one below the other, are to be multiplied by, in float32; undefined where they are right. */
  scale([weight]: readonly Weight[]): Value | undefined {
    if (weight?.scale === undefined) return undefined;
    return this.constant(`float32:${weight.scale}`, {
      dtype: "float32",
      shape: [],
      data: Float32Array.of(weight.scale),
    });
  }

  /** Several weights, one below the other, as one input; undefined in a graph whose weights are initializers. */
  stackedInput(_weights: readonly Weight[]): Value | undefined {
    return undefined;
  }

  /** Appends one node with one output. `path` and `op` name it. */
  node(path: string, op: string, inputs: readonly Value[], out: NodeOutput): Value {
    return this.nodes(path, op, inputs, [out], out)[0]!;
  }

  /** Appends one node with several outputs. */
  nodes(
    path: string,
    op: string,
    inputs: readonly (Value | undefined)[],
    outs: readonly Pick<Value, "dtype" | "shape">[],
    { attributes = {}, domain }: Pick<NodeOutput, "attributes" | "domain">,
  ): Value[] {
    const name = this.#uniqueName(path ? `${path}/${op}` : op);
    const values = outs.map(({ dtype, shape }, index) =>
      this.#define({ name: outs.length === 1 ? `${name}:out` : `${name}:out${index}`, dtype, shape })
    );
    this.#nodes.push({
      name,
      op,
      domain,
      inputs: inputs.map((value) => value?.name ?? ""),
      outputs: values.map((value) => value.name),
      outputDTypes: values.map((value) => value.dtype),
      attributes,
    });
    return values;
  }

  /** The whole graph. */
  spec(): GraphSpec {
    return {
      name: this.name,
      nodes: this.#nodes,
      initializers: [...this.#initializers.values()],
      inputs: this.#inputs,
      outputs: this.#outputs,
    };
  }

  /** The whole graph as a serialized ModelProto; see `encodeModel`. */
  build(opset?: number): Uint8Array<ArrayBuffer> {
    return encodeModel(this.spec(), opset);
  }

  #initializer(spec: InitializerSpec): Value {
    this.#initializers.set(spec.name, spec);
    return this.#define(spec);
  }

  #define({ name, dtype, shape }: Value): Value {
    if (this.#values.has(name)) {
      throw new GraphError(`Cannot define "${name}" in graph "${this.name}": it exists already`);
    }
    const value = { name, dtype, shape };
    this.#values.set(name, value);
    return value;
  }

  #uniqueName(name: string): string {
    const uses = this.#uses.get(name) ?? 0;
    this.#uses.set(name, uses + 1);
    return uses === 0 ? name : `${name}#${uses}`;
  }
}

interface NodeOutput {
  readonly dtype: DType;
  readonly shape: readonly Dim[];
  readonly attributes?: Readonly<Record<string, Attribute>>;
  readonly domain?: string;
}

/** A cursor on a checkpoint path. Layers take one: it says where their weights are and what their nodes are called. */
export class Module {
  constructor(readonly graph: Graph, readonly checkpoint: Checkpoint, readonly path: string = "") {}

  /** The child at `path`, dots included: `m.at("attn.to_q")`. */
  at(path: string): Module {
    return new Module(this.graph, this.checkpoint, this.#join(path));
  }

  /** The numbered children `path.0`, `path.1`, … */
  *each(path: string, count: number): Generator<Module> {
    for (let index = 0; index < count; index++) yield this.at(`${path}.${index}`);
  }

  has(name: string): boolean {
    return this.checkpoint.has(this.#join(name));
  }

  /**
   * The weight `name` below this path, cast to `dtype`.
   * @throws CheckpointError when it is missing or its shape is not `shape`
   */
  weight(name: string, shape: readonly number[], dtype: DType = this.graph.computeDType): Value {
    return this.numbersOf(this.find(name, shape), dtype);
  }

  numbersOf(weight: Weight, dtype: DType): Value {
    return castTo(this, this.#scaled(this.graph.weight(weight), [weight]), dtype);
  }

  /** The same without a cast, as it lies in the file; one that has a scale is multiplied by it, in float32. */
  storedWeight(name: string, shape: readonly number[]): Value {
    const weight = this.find(name, shape);
    return this.#scaled(this.graph.weight(weight), [weight]);
  }

  /** Weights one below the other, cast to `dtype`, where the graph takes them so; see `Graph.stackedInput`. */
  stackedInput(weights: readonly Weight[], dtype: DType): Value | undefined {
    const stored = this.graph.stackedInput(weights);
    return stored && castTo(this, this.#scaled(stored, weights), dtype);
  }

  #scaled(stored: Value, weights: readonly Weight[]): Value {
    const scale = this.graph.scale(weights);
    if (!scale) return stored;
    return this.op("Mul", [castTo(this, stored, "float32"), scale], stored.shape);
  }

  /** A weight of this shape. @throws CheckpointError when it is missing or has another */
  find(name: string, shape: readonly number[]): Weight {
    const weight = this.checkpoint.get(this.#join(name));
    if (weight.shape.length !== shape.length || weight.shape.some((dim, axis) => dim !== shape[axis])) {
      throw new CheckpointError(
        `Cannot load "${weight.name}"${placeOf(weight)}: its shape is [${weight.shape.join(", ")}], ` +
          `expected [${shape.join(", ")}]`,
      );
    }
    return weight;
  }

  /** One node with one output; the output has the dtype of the first input unless told otherwise. */
  op(
    op: string,
    inputs: readonly Value[],
    shape: readonly Dim[],
    attributes: Readonly<Record<string, Attribute>> = {},
    options: { readonly domain?: string; readonly dtype?: DType } = {},
  ): Value {
    return this.graph.node(this.path, op, inputs, {
      dtype: options.dtype ?? inputs[0]!.dtype,
      shape,
      attributes,
      ...(options.domain ? { domain: options.domain } : {}),
    });
  }

  /** An int64 list, as many operators want their sizes and axes. */
  integers(...values: readonly number[]): Value {
    return this.graph.constant(`int64:${values.join(",")}`, {
      dtype: "int64",
      shape: [values.length],
      data: BigInt64Array.from(values, BigInt),
    });
  }

  /** A single number in the compute dtype, or in `dtype`. */
  scalar(value: number, dtype: DType = this.graph.computeDType): Value {
    const stored = this.graph.constant(`float32:${value}`, {
      dtype: "float32",
      shape: [],
      data: Float32Array.of(value),
    });
    return castTo(this, stored, dtype);
  }

  /** A vector filled with one number in the compute dtype. */
  filled(value: number, length: number): Value {
    const stored = this.graph.constant(`float32:${value}x${length}`, {
      dtype: "float32",
      shape: [length],
      data: new Float32Array(length).fill(value),
    });
    return castTo(this, stored, this.graph.computeDType);
  }

  /** An error that names this module and what was to be built. */
  mismatch(what: string, got: unknown, expected: unknown): GraphError {
    return new GraphError(`Cannot build ${what} "${this.path}": got ${show(got)}, expected ${show(expected)}`);
  }

  #join(path: string): string {
    return this.path ? `${this.path}.${path}` : path;
  }
}

/** `value` in another dtype; nothing is added when it has it already. */
export function castTo(m: Module, value: Value, dtype: DType): Value {
  if (value.dtype === dtype) return value;
  return m.op("Cast", [value], value.shape, { to: onnxElementType[dtype] }, { dtype });
}

const show = (value: unknown) => Array.isArray(value) ? `[${value.join(", ")}]` : String(value);
