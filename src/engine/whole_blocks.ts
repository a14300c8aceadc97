/**
 * How a step goes through the transformer's blocks: the port, and all of them as one graph, which is fastest where their
 * weights fit.
 * @module
 */
import type { DeviceTensor } from "./onnx/device_tensor.ts";
import type { ExecutableCache } from "./onnx/executable_cache.ts";
import { encodeModel } from "./onnx/model_proto.ts";
import type { Tensor } from "./onnx/tensor.ts";
import { blocksGraph, modulationGraph, type SectionShape, type TransformerSource } from "./transformer_graphs.ts";

/** What the blocks read, as in `blocksGraph`. */
export type BlockInputs = Readonly<Record<"image" | "context" | "modulations" | "cos" | "sin", DeviceTensor>>;

/** What makes the modulation vectors of one step: sinusoids and pooled text, as in `modulationGraph`. */
export type ConditionInputs = Readonly<Record<"timestep" | "guidance" | "pooled", Tensor>>;

/** What a step made of the image tokens. */
export interface BlockResults {
  /** `[16, …window]` */
  readonly velocity: Float32Array;
  /** What the blocks added to the image tokens; the caller's. */
  readonly residual: DeviceTensor;
}

export interface BlockRunner extends AsyncDisposable {
  /** Whether vectors of many steps together cost hardly more than those of one. */
  readonly modulates: "step by step" | "all steps at once";
  /** Where adapters go: into the weights, or beside them, as `TransformerSource.sides`, as far as they can. */
  readonly adapters: "merged" | "beside";
  /** Tables `[modulationRows, hidden]`, one for each condition; the caller's. */
  modulations(conditions: readonly ConditionInputs[], signal: AbortSignal): Promise<DeviceTensor[]>;
  /** All blocks and the head. */
  run(shape: SectionShape, inputs: BlockInputs, signal: AbortSignal): Promise<BlockResults>;
  /** Compiles what these sections need. */
  warm(shape: SectionShape): Promise<void>;
  /**
   * The same for other weights of the same shapes, as adapters make them. Both may be used in turns; where the device has
   * memory for one only, it is the one that ran last which has it.
   * @param changed names of the tensors that are not the same
   */
  under(
    source: TransformerSource,
    executables: Pick<ExecutableCache, "get">,
    changed: ReadonlySet<string>,
  ): BlockRunner;
}

export class WholeBlocks implements BlockRunner {
  readonly modulates = "step by step";
  readonly adapters = "merged";

  constructor(readonly source: TransformerSource, readonly executables: Pick<ExecutableCache, "get">) {}

  async modulations(conditions: readonly ConditionInputs[], signal: AbortSignal): Promise<DeviceTensor[]> {
    const modulate = await this.#modulate();
    const tables = [];
    for (const inputs of conditions) {
      tables.push((await modulate.runInto(inputs, { modulations: "device" }, signal)).modulations);
    }
    return tables;
  }

  async run(shape: SectionShape, inputs: BlockInputs, signal: AbortSignal): Promise<BlockResults> {
    const blocks = await this.#blocks(shape);
    const { velocity, residual } = await blocks.runInto(inputs, { velocity: "host", residual: "device" }, signal);
    return { velocity: velocity.data as Float32Array, residual };
  }

  async warm(shape: SectionShape): Promise<void> {
    await Promise.all([this.#modulate(), this.#blocks(shape)]);
  }

  under(source: TransformerSource, executables: Pick<ExecutableCache, "get">): WholeBlocks {
    return new WholeBlocks(source, executables);
  }

  /** Its graphs are the cache's. */
  async [Symbol.asyncDispose](): Promise<void> {}

  #modulate() {
    return this.executables.get("modulation", () => encodeModel(modulationGraph(this.source)));
  }

  #blocks(shape: SectionShape) {
    return this.executables.get(`blocks ${JSON.stringify(shape)}`, () => encodeModel(blocksGraph(this.source, shape)));
  }
}
