/**
 * The transformer at work: compiles its graphs as sizes come up and runs them. What goes from one graph to the next stays on
 * the device.
 * @module
 */
import { join as joinPath } from "node:path";
import { readConfig } from "./json_file.ts";
import { ConditionedTransformer } from "./conditioned_transformer.ts";
import { parseTransformerConfig } from "./networks/transformer_config.ts";
import { requireFloat8Numbers } from "./onnx/float8_weights.ts";
import { openCheckpoint } from "./onnx/safetensors.ts";
import type { DeviceTensor } from "./onnx/device_tensor.ts";
import type { Executable } from "./onnx/runtime.ts";
import type { ExecutableCache } from "./onnx/executable_cache.ts";
import { encodeModel, type GraphSpec } from "./onnx/model_proto.ts";
import { float32Of, float32Tensor, type Tensor } from "./onnx/tensor.ts";
import type { TimeIndices } from "./sampling/section_plan.ts";
import { sinusoid } from "./sampling/sinusoid.ts";
import { relativeChange } from "./sampling/tea_cache.ts";
import {
  blocksGraph,
  changeGraph,
  conditionGraph,
  type GraphTap,
  historyGraph,
  imageProjectionGraph,
  modulatedInputGraph,
  rotationsGraph,
  type SectionShape,
  skippedStepGraph,
  tokenRefinerGraph,
  type TransformerSource,
  windowGraph,
} from "./transformer_graphs.ts";
import { type BlockInputs, type BlockRunner, type ConditionInputs, WholeBlocks } from "./whole_blocks.ts";

/** What prompt and picture became. */
export interface Conditions {
  /** LLaMA states, valid rows only `[textTokens, textDim]` */
  readonly text: Tensor<"float32">;
  /** CLIP's pooled state `[1, pooledDim]` */
  readonly pooled: Tensor<"float32">;
  /** SigLIP states `[imageTokens, imageDim]` */
  readonly image: Tensor<"float32">;
  /** As the network gets it: 9984 for a guidance of 10 in bfloat16. */
  readonly guidance: number;
}

/** One section's place: its window, what it looks at, and where all of it lies in time. */
export interface SectionContext {
  readonly shape: SectionShape;
  readonly indices: TimeIndices;
  /** `[16, latentFrames, height, width]` of each group that the shape has. */
  readonly history: { readonly "1x"?: Float32Array; readonly "2x"?: Float32Array; readonly "4x"?: Float32Array };
}

/** Weights of a folder's transformer, its sizes from `config.json`. */
export async function loadTransformer(folder: string, executables: CompiledGraphs): Promise<FramePackTransformer> {
  const source = await transformerSource(folder);
  await requireFloat8Numbers(source.checkpoint);
  return new FramePackTransformer(source, executables);
}

/** Where they are, for those who read them in another way than all at once. */
export async function transformerSource(folder: string): Promise<TransformerSource> {
  const config = await readConfig(joinPath(folder, "config.json"), parseTransformerConfig);
  return { config, checkpoint: await openCheckpoint(folder), computeDType: "float32" };
}

/** Where a transformer has its graphs compiled. */
export type CompiledGraphs = Pick<ExecutableCache, "get">;

/** The same for those that are needed before the first step alone, and may leave after each use. */
export type GraphsInUse = Pick<ExecutableCache, "get" | "use">;

/** One compiled FramePack transformer. */
export class FramePackTransformer {
  constructor(
    readonly source: TransformerSource,
    readonly executables: CompiledGraphs,
    readonly blocks: BlockRunner = new WholeBlocks(source, executables),
    readonly conditioning: GraphsInUse = { get: (...graph) => executables.get(...graph), use: () => stays },
  ) {}

  /** Compiles what a section of this shape needs, so that the first step does not wait for it. */
  async warm(shape: SectionShape): Promise<void> {
    await using _use = this.conditioning.use();
    await Promise.all([
      this.#conditioning("image_projection", imageProjectionGraph),
      this.#conditioning("token_refiner", tokenRefinerGraph),
      this.#forShape("history", shape, historyGraph),
      this.#forShape("window", shape, windowGraph),
      this.blocks.warm(shape),
    ]);
  }

  /** Everything that stays the same for a whole generation under one prompt; the caller disposes of it. */
  async condition(conditions: Conditions, signal: AbortSignal): Promise<ConditionedTransformer> {
    await using _use = this.conditioning.use();
    const project = await this.#conditioning("image_projection", imageProjectionGraph);
    const { projected } = await project.runInto({ image: conditions.image }, { projected: "device" }, signal);
    return new ConditionedTransformer(this, conditions, projected);
  }

  /** Modulation vectors of some steps, each `[modulationRows, hidden]`. */
  async modulations(
    conditions: Conditions,
    timesteps: readonly number[],
    signal: AbortSignal,
  ): Promise<DeviceTensor[]> {
    return await this.blocks.modulations(timesteps.map((timestep) => this.#condition(conditions, timestep)), signal);
  }

  /** What they come from, for those who look inside `[1, hidden]`. */
  async conditionEmbedding(conditions: Conditions, timestep: number, signal: AbortSignal): Promise<Tensor> {
    const embed = await this.#conditioning("condition", conditionGraph);
    return (await embed.run(this.#condition(conditions, timestep), signal)).condition!;
  }

  /** Context tokens at one step: the picture's, then the text's `[imageTokens + textTokens, hidden]`. */
  async context(
    conditions: Conditions,
    projected: DeviceTensor,
    timestep: number,
    signal: AbortSignal,
  ): Promise<DeviceTensor> {
    const refine = await this.#conditioning("token_refiner", tokenRefinerGraph);
    const inputs = { text: conditions.text, timestep: this.#sinusoid(timestep), projected };
    return (await refine.runInto(inputs, { context: "device" }, signal)).context;
  }

  /** History tokens of a section; undefined when it has no history. */
  async history({ shape, history }: SectionContext, signal: AbortSignal): Promise<DeviceTensor | undefined> {
    const [, height, width] = shape.window;
    const inputs = Object.entries(history)
      .map((
        [group, latents],
      ) => [group, float32Tensor([16, latents.length / (16 * height * width), height, width], latents)]);
    if (inputs.length === 0) return undefined;
    const pack = await this.#forShape("history", shape, historyGraph);
    return (await pack.runInto(Object.fromEntries(inputs), { history: "device" }, signal)).history;
  }

  /** Image tokens of a section: its history's and the window's. latents `[16, …window]` */
  async imageTokens(
    shape: SectionShape,
    history: DeviceTensor | undefined,
    latents: Float32Array,
    signal: AbortSignal,
  ): Promise<DeviceTensor> {
    const embed = await this.#forShape("window", shape, windowGraph);
    const window = float32Tensor([16, ...shape.window], latents);
    const inputs = { latents: window, ...(history ? { history } : {}) };
    return (await embed.runInto(inputs, { image: "device" }, signal)).image;
  }

  /** What TeaCache compares. */
  async modulatedInput(
    shape: SectionShape,
    image: DeviceTensor,
    modulations: DeviceTensor,
    signal: AbortSignal,
  ): Promise<DeviceTensor> {
    const modulate = await this.#forShape("modulated_input", shape, modulatedInputGraph);
    return (await modulate.runInto({ image, modulations }, { modulated: "device" }, signal)).modulated;
  }

  /** How far what TeaCache compares has moved since the step before: mean |now − before| / mean |before|. */
  async change(now: DeviceTensor, before: DeviceTensor, signal: AbortSignal): Promise<number> {
    if (now.place.kind === "host") return relativeChange(float32Of(now.toHost()), float32Of(before.toHost()));
    const compare = await this.#executable("change", changeGraph);
    const { difference, size } = await compare.runInto({ now, before }, { difference: "host", size: "host" }, signal);
    return Number(difference.data[0]) / Number(size.data[0]);
  }

  /** Rotations of a section, brought to the device. */
  async rotations(table: Readonly<Record<"cos" | "sin", Tensor>>, signal: AbortSignal) {
    const place = await this.#executable("rotations", rotationsGraph);
    const placed = await place.runInto(table, { placedCos: "device", placedSin: "device" }, signal);
    return { cos: placed.placedCos, sin: placed.placedSin };
  }

  /** Every output of a tapped `blocksGraph`, on the host. */
  async tappedBlocks(
    shape: SectionShape,
    inputs: BlockInputs,
    signal: AbortSignal,
    tap: GraphTap,
  ): Promise<Record<string, Tensor>> {
    const run = await this.#forShape("tapped_blocks", shape, (source) => blocksGraph(source, shape, tap));
    return await run.run(inputs, signal);
  }

  /** The head on tokens that the blocks did not see. */
  async skippedStep(
    shape: SectionShape,
    inputs: Record<"image" | "residual" | "modulations", DeviceTensor>,
    signal: AbortSignal,
  ): Promise<Float32Array> {
    const head = await this.#forShape("skipped_step", shape, skippedStepGraph);
    return (await head.runInto(inputs, { velocity: "host" }, signal)).velocity.data as Float32Array;
  }

  #condition({ guidance, pooled }: Conditions, timestep: number): ConditionInputs {
    return { timestep: this.#sinusoid(timestep), guidance: this.#sinusoid(guidance), pooled };
  }

  #sinusoid(value: number): Tensor<"float32"> {
    return row((this.source.sinusoid ?? sinusoid)(value));
  }

  #executable(key: string, build: (source: TransformerSource) => GraphSpec): Promise<Executable> {
    return this.executables.get(key, () => encodeModel(build(this.source)));
  }

  #conditioning(key: string, build: (source: TransformerSource) => GraphSpec): Promise<Executable> {
    return this.conditioning.get(key, () => encodeModel(build(this.source)));
  }

  #forShape(
    key: string,
    shape: SectionShape,
    build: (source: TransformerSource, shape: SectionShape) => GraphSpec,
  ): Promise<Executable> {
    return this.executables.get(`${key} ${JSON.stringify(shape)}`, () => encodeModel(build(this.source, shape)));
  }
}

const stays: AsyncDisposable = { [Symbol.asyncDispose]: () => Promise.resolve() };

const row = (values: Float32Array) => float32Tensor([1, values.length], values);
