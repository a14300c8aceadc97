/**
 * The transformer at work: compiles its graphs as sizes come up, and computes nothing twice that would come out bit-equal.
 * The picture's tokens live for a generation, modulation vectors and refined text for every section of it, history
 * tokens and rotations for a section.
 * @module
 */
import { join as joinPath } from "node:path";
import { readConfig } from "./json_file.ts";
import { parseTransformerConfig } from "./networks/transformer_config.ts";
import { openCheckpoint } from "./onnx/safetensors.ts";
import type { Executable } from "./onnx/runtime.ts";
import type { ExecutableCache } from "./onnx/executable_cache.ts";
import { float32Tensor, type Tensor } from "./onnx/tensor.ts";
import { rotaryTable } from "./networks/rotary_table.ts";
import type { TimeIndices } from "./sampling/section_plan.ts";
import { sinusoid } from "./sampling/sinusoid.ts";
import { type CacheableModel, relativeChange } from "./sampling/tea_cache.ts";
import {
  blocksGraph,
  type GraphTap,
  historyGraph,
  imageProjectionGraph,
  modulatedInputGraph,
  modulationGraph,
  type SectionShape,
  skippedStepGraph,
  tokenRefinerGraph,
  type TransformerSource,
  windowGraph,
} from "./transformer_graphs.ts";

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

/** The image tokens of one step, and how to read its modulation vectors. */
export interface EmbeddedStep {
  readonly timestep: number;
  readonly image: Tensor<"float32">;
  readonly modulations: Tensor;
  readonly modulated: () => Promise<Float32Array>;
}

/** Weights of a folder's transformer, its sizes from `config.json`. */
export async function loadTransformer(folder: string, executables: CompiledGraphs): Promise<FramePackTransformer> {
  const config = await readConfig(joinPath(folder, "config.json"), parseTransformerConfig);
  return new FramePackTransformer(
    { config, checkpoint: await openCheckpoint(folder), computeDType: "float32" },
    executables,
  );
}

/** Where a transformer has its graphs compiled. */
export type CompiledGraphs = Pick<ExecutableCache, "get">;

/** One compiled FramePack transformer. */
export class FramePackTransformer {
  constructor(readonly source: TransformerSource, readonly executables: CompiledGraphs) {}

  /** Compiles what a section of this shape needs, so that the first step does not wait for it. */
  async warm(shape: SectionShape): Promise<void> {
    await Promise.all([
      this.#executable("image_projection", imageProjectionGraph),
      this.#executable("token_refiner", tokenRefinerGraph),
      this.#executable("modulation", modulationGraph),
      this.#forShape("history", shape, historyGraph),
      this.#forShape("window", shape, windowGraph),
      this.#forShape("blocks", shape, blocksGraph),
    ]);
  }

  /** Everything that stays the same for a whole generation under one prompt. */
  async condition(conditions: Conditions, signal: AbortSignal): Promise<ConditionedTransformer> {
    const project = await this.#executable("image_projection", imageProjectionGraph);
    const { projected } = await project.run({ image: conditions.image }, signal);
    return new ConditionedTransformer(this, conditions, projected as Tensor<"float32">);
  }

  /** Modulation vectors of one step `[rows, hidden]`, and the condition they come from. */
  async modulations(conditions: Conditions, timestep: number, signal: AbortSignal): Promise<Record<string, Tensor>> {
    const modulate = await this.#executable("modulation", modulationGraph);
    return await modulate.run({
      timestep: this.#sinusoid(timestep),
      guidance: this.#sinusoid(conditions.guidance),
      pooled: conditions.pooled,
    }, signal);
  }

  /** Context tokens of the text at one step `[textTokens, hidden]`. */
  async refinedText(conditions: Conditions, timestep: number, signal: AbortSignal): Promise<Tensor<"float32">> {
    const refine = await this.#executable("token_refiner", tokenRefinerGraph);
    const { refined } = await refine.run({ text: conditions.text, timestep: this.#sinusoid(timestep) }, signal);
    return refined as Tensor<"float32">;
  }

  /** History tokens of a section; none when it has no history. */
  async history({ shape, history }: SectionContext, signal: AbortSignal): Promise<Float32Array> {
    const [, height, width] = shape.window;
    const inputs = Object.entries(history)
      .map((
        [group, latents],
      ) => [group, float32Tensor([16, latents.length / (16 * height * width), height, width], latents)]);
    if (inputs.length === 0) return new Float32Array(0);
    const pack = await this.#forShape("history", shape, historyGraph);
    return (await pack.run(Object.fromEntries(inputs), signal)).history!.data as Float32Array;
  }

  /** Tokens of the window. latents `[16, …window]` */
  async window(shape: SectionShape, latents: Float32Array, signal: AbortSignal): Promise<Float32Array> {
    const embed = await this.#forShape("window", shape, windowGraph);
    const { window } = await embed.run({ latents: float32Tensor([16, ...shape.window], latents) }, signal);
    return window!.data as Float32Array;
  }

  /** What TeaCache compares. */
  async modulatedInput(
    shape: SectionShape,
    image: Tensor,
    modulations: Tensor,
    signal: AbortSignal,
  ): Promise<Float32Array> {
    const modulate = await this.#forShape("modulated_input", shape, modulatedInputGraph);
    return (await modulate.run({ image, modulations }, signal)).modulated!.data as Float32Array;
  }

  /** All blocks and the head; every output of `blocksGraph`, taps included. */
  async blocks(
    shape: SectionShape,
    inputs: Record<"image" | "context" | "modulations" | "cos" | "sin", Tensor>,
    signal: AbortSignal,
    tap?: GraphTap,
  ): Promise<Record<string, Tensor>> {
    const run = tap
      ? await this.#forShape("tapped_blocks", shape, (source) => blocksGraph(source, shape, tap))
      : await this.#forShape("blocks", shape, blocksGraph);
    return await run.run(inputs, signal);
  }

  /** The head on tokens that the blocks did not see. */
  async skippedStep(
    shape: SectionShape,
    inputs: Record<"image" | "residual" | "modulations", Tensor>,
    signal: AbortSignal,
  ): Promise<Float32Array> {
    const head = await this.#forShape("skipped_step", shape, skippedStepGraph);
    return (await head.run(inputs, signal)).velocity!.data as Float32Array;
  }

  #sinusoid(value: number): Tensor<"float32"> {
    return row((this.source.sinusoid ?? sinusoid)(value));
  }

  #executable(key: string, build: (source: TransformerSource) => Uint8Array<ArrayBuffer>): Promise<Executable> {
    return this.executables.get(key, () => build(this.source));
  }

  #forShape(
    key: string,
    shape: SectionShape,
    build: (source: TransformerSource, shape: SectionShape) => Uint8Array<ArrayBuffer>,
  ): Promise<Executable> {
    return this.executables.get(`${key} ${JSON.stringify(shape)}`, () => build(this.source, shape));
  }
}

/** A transformer under one prompt and one picture. Keeps the vectors of each step for the sections that follow. */
export class ConditionedTransformer {
  readonly #steps = new Map<number, Promise<{ readonly modulations: Tensor; readonly context: Tensor<"float32"> }>>();

  constructor(
    readonly transformer: FramePackTransformer,
    readonly conditions: Conditions,
    readonly projectedImage: Tensor<"float32">,
  ) {}

  /** Prepares one section: its history tokens and rotations are computed here, its steps by the model returned. */
  async section(
    section: SectionContext,
    signal: AbortSignal,
  ): Promise<CacheableModel<EmbeddedStep, Tensor>> {
    const { transformer } = this;
    const { shape } = section;
    const history = await transformer.history(section, signal);
    const rope = this.#rope(section);
    return {
      embed: async (latents, timestep, stop) => {
        const [{ modulations }, window] = await Promise.all([
          this.step(timestep, stop),
          transformer.window(shape, latents, stop),
        ]);
        const image = tokens(join(history, window), transformer.source.config.hidden);
        const modulated = once(() => transformer.modulatedInput(shape, image, modulations, stop));
        return { timestep, image, modulations, modulated };
      },
      change: async (now, before) => relativeChange(...await Promise.all([now.modulated(), before.modulated()])),
      run: async ({ image, modulations, timestep }, stop) => {
        const { context } = await this.step(timestep, stop);
        const { velocity, residual } = await transformer.blocks(shape, { image, context, modulations, ...rope }, stop);
        return { velocity: velocity!.data as Float32Array, residual: residual! };
      },
      reuse: ({ image, modulations }, residual, stop) =>
        transformer.skippedStep(shape, { image, residual, modulations }, stop),
    };
  }

  /** Modulation vectors and context tokens of one step, computed once. */
  step(timestep: number, signal: AbortSignal) {
    let step = this.#steps.get(timestep);
    if (!step) {
      step = this.#computeStep(timestep, signal);
      this.#steps.set(timestep, step);
      step.catch(() => this.#steps.delete(timestep));
    }
    return step;
  }

  async #computeStep(timestep: number, signal: AbortSignal) {
    const [{ modulations }, refined] = await Promise.all([
      this.transformer.modulations(this.conditions, timestep, signal),
      this.transformer.refinedText(this.conditions, timestep, signal),
    ]);
    const context = join(this.projectedImage.data, refined.data);
    return { modulations: modulations!, context: tokens(context, refined.shape[1]!) };
  }

  #rope({ shape, indices }: SectionContext) {
    return jointRotary(
      this.transformer.source,
      shape,
      indices,
      this.projectedImage.shape[0]! + this.conditions.text.shape[0]!,
    );
  }
}

/** Rotations of [4× | 2× | 1× | window | context]. */
export function jointRotary(
  { config }: Pick<TransformerSource, "config">,
  { window: [, height, width], history }: SectionShape,
  { noisy, clean1x, clean2x, clean4x }: TimeIndices,
  contextTokens: number,
): { readonly cos: Tensor<"float32">; readonly sin: Tensor<"float32"> } {
  const groups = [
    ...history["4x"] > 0 ? [{ frameIndices: clean4x, pooling: 4 }] : [],
    ...history["2x"] > 0 ? [{ frameIndices: clean2x, pooling: 2 }] : [],
    ...history["1x"] > 0 ? [{ frameIndices: clean1x, pooling: 1 }] : [],
    { frameIndices: noisy, pooling: 1 },
  ];
  const { cos, sin } = rotaryTable(config, groups, [height / 2, width / 2], contextTokens);
  return { cos: tokens(cos, config.headDim / 2), sin: tokens(sin, config.headDim / 2) };
}

const row = (values: Float32Array) => float32Tensor([1, values.length], values);
const tokens = (values: Float32Array, width: number) => float32Tensor([values.length / width, width], values);

function join(first: Float32Array, second: Float32Array): Float32Array<ArrayBuffer> {
  const joined = new Float32Array(first.length + second.length);
  joined.set(first);
  joined.set(second, first.length);
  return joined;
}

function once<T>(compute: () => Promise<T>): () => Promise<T> {
  let result: Promise<T> | undefined;
  return () => result ??= compute();
}
