/**
 * Graphs whose weights are inputs: one compiled graph for all blocks of a kind, whose weights come and go.
 * @module
 */
import { Graph, type Value } from "./graph.ts";
import type { Weight } from "./safetensors.ts";
import type { DType } from "./tensor.ts";

/** An input that weights are given through. */
export interface WeightInput {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** What it is made of, one below the other: names below the block's path, in the order of their rows. */
  readonly parts: readonly { readonly name: string; readonly shape: readonly number[] }[];
}

/** A graph of one block of many, built from any of them. Weights are taken in the compute dtype. */
export class WeightInputGraph extends Graph {
  readonly #blockPath: string;
  readonly #weightInputs = new Map<string, { readonly input: WeightInput; readonly value: Value }>();

  /** @param blockPath checkpoint path of the block it is built from, such as `transformer_blocks.0` */
  constructor(name: string, computeDType: DType, blockPath: string) {
    super(name, computeDType);
    this.#blockPath = blockPath;
  }

  /** In the order in which the network asked for them. */
  get weightInputs(): readonly WeightInput[] {
    return [...this.#weightInputs.values()].map(({ input }) => input);
  }

  override weight(weight: Weight): Value {
    return this.stackedInput([weight]);
  }

  override stackedInput(weights: readonly Weight[]): Value {
    const parts = weights.map(({ name, shape }) => ({ name: this.#below(name), shape }));
    const name = parts.map((part) => part.name).join("|");
    const known = this.#weightInputs.get(name);
    if (known) return known.value;
    const rows = weights.reduce((sum, { shape }) => sum + shape[0]!, 0);
    const input = { name, dtype: this.computeDType, shape: [rows, ...weights[0]!.shape.slice(1)], parts };
    const value = this.input(name, input.shape, this.computeDType);
    this.#weightInputs.set(name, { input, value });
    return value;
  }

  #below(name: string): string {
    const prefix = `${this.#blockPath}.`;
    if (!name.startsWith(prefix)) throw new RangeError(`Cannot feed "${name}" to a graph of ${this.#blockPath}`);
    return name.slice(prefix.length);
  }
}
