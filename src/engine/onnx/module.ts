/**
 * Where a network stands in its checkpoint: what layers are written with. See `graph.ts`.
 * @module
 */
import { CheckpointError } from "../errors.ts";
import { type Attribute, type Dim, type Graph, GraphError, type Value } from "./graph.ts";
import { type Checkpoint, placeOf, type Weight } from "./safetensors.ts";
import { type DType, onnxElementType } from "./tensor.ts";

export type { Dim, Value } from "./graph.ts";

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
