/**
 * Graphs whose weights are inputs: one compiled graph for all blocks of a kind, whose weights come and go.
 * @module
 */
import { Graph, type Int4Matrix, type SideValue, type Value } from "./graph.ts";
import { int4ScalesShape, int4Shape } from "./int4.ts";
import type { GraphSpec } from "./model_proto.ts";
import type { Checkpoint, Weight, WeightDType } from "./safetensors.ts";
import type { DType } from "./tensor.ts";

/** An input that weights are given through. */
export interface WeightInput {
  readonly name: string;
  /** The numbers as the file has them, each row's scale, or each block's. Default `numbers`. */
  readonly holds?: WeightContent;
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** What it is made of, one below the other: names below the block's path, in the order of their rows. */
  readonly parts: readonly { readonly name: string; readonly shape: readonly number[] }[];
}

export type WeightContent = "numbers" | "scales" | "block scales";

/** Two inputs, `${name}:up` [rows, rank] and `${name}:down` [rank, columns], whose product is added to that by a matrix. */
export interface SideInput {
  readonly name: string;
  readonly dtype: DType;
  /** What the matrix is made of, by names below the block's path. */
  readonly parts: WeightInput["parts"];
}

/** A graph, and the inputs of it that are weights. */
export interface FedGraph {
  readonly spec: GraphSpec;
  readonly weights: readonly WeightInput[];
  /** Inputs that come with them where something lies beside the checkpoint's matrices. Default none. */
  readonly sides?: readonly SideInput[];
}

/** Low-rank matrices beside those of a checkpoint: x · downᵀ · upᵀ is added to x · Wᵀ. */
export interface SideMatrices {
  /** Rank of what is added to matrices of a product, taken as one; 0 for nothing. */
  rankOf(weights: readonly string[]): number;
  /** `up` [Σ rows, rank], `down` [rank, columns] of matrices one below the other. */
  read(weights: readonly Pick<Weight, "name" | "shape">[]): Promise<{ up: Float32Array; down: Float32Array }>;
}

/** Blocks that one graph serves: checkpoint paths, such as `transformer_blocks.0` or, of a whole network, none (`""`), and where their weights are. */
export interface LikeBlocks {
  readonly blocks: readonly string[];
  readonly checkpoint: Pick<Checkpoint, "get">;
  readonly sides?: Pick<SideMatrices, "rankOf"> | undefined;
}

/**
 * A graph of one block of many, built from any of them. Weights are taken in the compute dtype; those in 8 and in 4 bits
 * as they are, so that no more is moved than the file has, and made numbers of the compute dtype inside.
 */
export class WeightInputGraph extends Graph {
  readonly #like: LikeBlocks;
  readonly #weightInputs = new Map<string, { readonly input: WeightInput; readonly value: Value }>();
  readonly #sides = new Map<string, { readonly input: SideInput; readonly value: SideValue }>();

  /** @param like the first of its blocks is the one it is built from */
  constructor(name: string, computeDType: DType, like: LikeBlocks) {
    super(name, computeDType);
    this.#like = like;
  }

  /** In the order in which the network asked for them. */
  get weightInputs(): readonly WeightInput[] {
    return [...this.#weightInputs.values()].map(({ input }) => input);
  }

  get sideInputs(): readonly SideInput[] {
    return [...this.#sides.values()].map(({ input }) => input);
  }

  override weight(weight: Weight): Value {
    return this.stackedInput([weight]);
  }

  /** Where one of the blocks has something beside these matrices; its rank is each block's own. */
  override side(weights: readonly Weight[]): SideValue | undefined {
    const { blocks, sides } = this.#like;
    const parts = weights.map(({ name, shape }) => ({ name: this.#below(name), shape }));
    const isNowhere = blocks.every((block) => !sides?.rankOf(parts.map(({ name }) => pathBelow(block, name))));
    if (isNowhere) return undefined;
    const name = parts.map((part) => part.name).join("|");
    const known = this.#sides.get(name);
    if (known) return known.value;
    const [rows, columns] = [parts.reduce((sum, { shape }) => sum + shape[0]!, 0), parts[0]!.shape[1]!];
    const rank = `rank of ${name}`;
    const value = { up: this.input(`${name}:up`, [rows, rank]), down: this.input(`${name}:down`, [rank, columns]) };
    this.#sides.set(name, { input: { name, dtype: this.computeDType, parts }, value });
    return value;
  }

  /** Weights of several kinds are given in the compute dtype. */
  override canStack(): boolean {
    return true;
  }

  override int4(weights: readonly Weight[]): readonly Int4Matrix[] | undefined {
    if (!this.#areAll("int4", weights)) return undefined;
    const shaped = (shapeOf: (shape: readonly number[]) => number[]) =>
      weights.map(({ name, shape }) => ({ name, shape: shapeOf(shape) }));
    return [{
      numbers: this.#weightInput(shaped(int4Shape), "uint8", "numbers"),
      scales: this.#weightInput(shaped(int4ScalesShape), this.computeDType, "block scales"),
    }];
  }

  /** Float32 [rows, 1]: one graph serves all blocks, and every weight has a scale of its own. */
  override scale(weights: readonly Weight[]): Value | undefined {
    if (!this.#areAll("float8e4m3fn", weights) || weights.every(({ scale }) => scale === undefined)) return undefined;
    const ofRows = weights.map(({ name, shape }) => ({ name, shape: [shape[0]!, ...shape.slice(1).map(() => 1)] }));
    return this.#weightInput(ofRows, "float32", "scales");
  }

  override stackedInput(weights: readonly Weight[]): Value {
    const dtype = this.#areAll("float8e4m3fn", weights) ? "float8e4m3fn" : this.computeDType;
    return this.#weightInput(weights, dtype, "numbers");
  }

  #weightInput(
    weights: readonly Pick<Weight, "name" | "shape">[],
    dtype: DType,
    holds: WeightContent,
  ): Value {
    const parts = weights.map(({ name, shape }) => ({ name: this.#below(name), shape }));
    const joined = parts.map((part) => part.name).join("|");
    const name = holds === "numbers" ? joined : `${joined}:${holds}`;
    const known = this.#weightInputs.get(name);
    if (known) return known.value;
    const rows = weights.reduce((sum, { shape }) => sum + shape[0]!, 0);
    const shape = [rows, ...weights[0]!.shape.slice(1)];
    const input = { name, holds, dtype, shape, parts };
    const value = this.input(name, shape, dtype);
    this.#weightInputs.set(name, { input, value });
    return value;
  }

  /** Packed so in every block: where one has been merged with an adapter, all are given in the compute dtype. */
  #areAll(packed: WeightDType, weights: readonly Weight[]): boolean {
    const { blocks, checkpoint } = this.#like;
    return weights.every(({ dtype }) => dtype === packed) &&
      weights.every(({ name }) =>
        blocks.every((block) => checkpoint.get(pathBelow(block, this.#below(name))).dtype === packed)
      );
  }

  #below(name: string): string {
    const [first = ""] = this.#like.blocks;
    const prefix = pathBelow(first, "");
    if (!name.startsWith(prefix)) throw new RangeError(`Cannot feed "${name}" to a graph of ${first}`);
    return name.slice(prefix.length);
  }
}

/** A weight's name in its checkpoint. */
export const pathBelow = (block: string, name: string): string => block === "" ? name : `${block}.${name}`;
