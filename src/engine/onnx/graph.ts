/**
 * ONNX as a small language. A `Graph` collects nodes; a `Module` (`module.ts`) is a cursor on a checkpoint path, from which a
 * layer reads its weights and names its nodes; a `Value` carries the shape it will have, computed while the graph is
 * built, so that a wrong width is an error with a name and not a wrong picture.
 * @module
 */
import {
  type Attribute,
  type Dim,
  encodeModel,
  type GraphSpec,
  type InitializerSpec,
  type NodeSpec,
  type ValueSpec,
} from "./model_proto.ts";
import { int4Shape } from "./int4.ts";
import type { Weight } from "./safetensors.ts";
import type { DType, Tensor } from "./tensor.ts";

export type { Attribute, Dim } from "./model_proto.ts";

/** The result of a node, an input or a weight. A named dimension is known only at run time. */
export interface Value {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly Dim[];
}

/** Of 4-bit weights (`int4.ts`): numbers `uint8 [rows, blocks, bytes of a block]`, scales `[rows, blocks]`. */
export interface Int4Matrix {
  readonly numbers: Value;
  readonly scales: Value;
}

/** `up` [rows, rank] and `down` [rank, columns]: x · downᵀ · upᵀ. */
export interface SideValue {
  readonly up: Value;
  readonly down: Value;
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

  /** What is added to a product by these matrices, beside them; undefined for nothing. */
  side(_weights: readonly Weight[]): SideValue | undefined {
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
