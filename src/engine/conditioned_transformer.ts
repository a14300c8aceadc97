/**
 * The transformer under one prompt and one picture. Computes nothing twice that would come out bit-equal: modulation vectors
 * and context of each step live for every section of a generation, history tokens and rotations for a section.
 * @module
 */
import { rotaryTable } from "./networks/rotary_table.ts";
import type { DeviceTensor } from "./onnx/device_tensor.ts";
import { float32Tensor, type Tensor } from "./onnx/tensor.ts";
import type { TimeIndices } from "./sampling/section_plan.ts";
import type { CacheableModel } from "./sampling/tea_cache.ts";
import type { Conditions, FramePackTransformer, SectionContext } from "./transformer.ts";
import type { SectionShape, TransformerSource } from "./transformer_graphs.ts";

/** What one step of the schedule has for all sections. */
interface Step {
  /** `[modulationRows, hidden]` */
  readonly modulations: DeviceTensor;
  /** `[contextTokens, hidden]` */
  readonly context: DeviceTensor;
}

/** Keeps the vectors of each step for the sections that follow. */
export class ConditionedTransformer implements Disposable {
  readonly #steps = new Map<number, Promise<Step>>();

  constructor(
    readonly transformer: FramePackTransformer,
    readonly conditions: Conditions,
    readonly projectedImage: DeviceTensor,
  ) {}

  /** Prepares one section: its history tokens and rotations are computed here, its steps by the model returned. */
  async section(section: SectionContext, signal: AbortSignal): Promise<SectionModel> {
    const history = await this.transformer.history(section, signal);
    const contextTokens = this.projectedImage.shape[0]! + this.conditions.text.shape[0]!;
    const table = jointRotary(this.transformer.source, section.shape, section.indices, contextTokens);
    const rope = await this.transformer.rotations(table, signal);
    return new SectionModel(this, section.shape, history, rope);
  }

  /** Computes the vectors of these steps now, where they are cheaper together. */
  async prepare(timesteps: readonly number[], signal: AbortSignal): Promise<void> {
    if (this.transformer.blocks.modulates === "step by step") return;
    const missing = [...new Set(timesteps)].filter((timestep) => !this.#steps.has(timestep));
    if (missing.length === 0) return;
    await using _use = this.transformer.conditioning.use();
    const tables = await this.transformer.modulations(this.conditions, missing, signal);
    for (const [index, timestep] of missing.entries()) {
      await this.#keep(timestep, this.#withContext(tables[index]!, timestep, signal));
    }
  }

  /** Modulation vectors and context tokens of one step, computed once. */
  step(timestep: number, signal: AbortSignal): Promise<Step> {
    return this.#steps.get(timestep) ?? this.#keep(timestep, this.#computeStep(timestep, signal));
  }

  #keep(timestep: number, step: Promise<Step>): Promise<Step> {
    this.#steps.set(timestep, step);
    step.catch(() => this.#steps.delete(timestep));
    return step;
  }

  async #computeStep(timestep: number, signal: AbortSignal): Promise<Step> {
    await using _use = this.transformer.conditioning.use();
    const [[modulations], context] = await Promise.all([
      this.transformer.modulations(this.conditions, [timestep], signal),
      this.transformer.context(this.conditions, this.projectedImage, timestep, signal),
    ]);
    return { modulations: modulations!, context };
  }

  async #withContext(modulations: DeviceTensor, timestep: number, signal: AbortSignal): Promise<Step> {
    return {
      modulations,
      context: await this.transformer.context(this.conditions, this.projectedImage, timestep, signal),
    };
  }

  [Symbol.dispose](): void {
    this.projectedImage[Symbol.dispose]();
    for (const step of this.#steps.values()) step.then(releaseAll, () => {});
    this.#steps.clear();
  }
}

/** The image tokens of one step, and how to read its modulation vectors. */
interface EmbeddedStep {
  readonly timestep: number;
  readonly image: DeviceTensor;
  readonly modulations: DeviceTensor;
  modulated?: Promise<DeviceTensor>;
}

/** The steps of one section. Keeps the tokens of the last two, which is what TeaCache compares. */
export class SectionModel implements CacheableModel<EmbeddedStep, DeviceTensor>, Disposable {
  readonly #conditioned: ConditionedTransformer;
  readonly #shape: SectionShape;
  readonly #history: DeviceTensor | undefined;
  readonly #rope: Readonly<Record<"cos" | "sin", DeviceTensor>>;
  #embedded: EmbeddedStep[] = [];
  #residual: DeviceTensor | undefined;

  constructor(
    conditioned: ConditionedTransformer,
    shape: SectionShape,
    history: DeviceTensor | undefined,
    rope: Readonly<Record<"cos" | "sin", DeviceTensor>>,
  ) {
    this.#conditioned = conditioned;
    this.#shape = shape;
    this.#history = history;
    this.#rope = rope;
  }

  async embed(latents: Float32Array, timestep: number, signal: AbortSignal): Promise<EmbeddedStep> {
    const { transformer } = this.#conditioned;
    const [{ modulations }, image] = await Promise.all([
      this.#conditioned.step(timestep, signal),
      transformer.imageTokens(this.#shape, this.#history, latents, signal),
    ]);
    const embedded: EmbeddedStep = { timestep, image, modulations };
    this.#embedded.push(embedded);
    for (const past of this.#embedded.splice(0, this.#embedded.length - 2)) release(past);
    return embedded;
  }

  async change(now: EmbeddedStep, before: EmbeddedStep, signal: AbortSignal): Promise<number> {
    const modulatedNow = await this.#modulated(now, signal);
    return await this.#conditioned.transformer.change(modulatedNow, await this.#modulated(before, signal), signal);
  }

  async run({ image, modulations, timestep }: EmbeddedStep, signal: AbortSignal) {
    const { transformer } = this.#conditioned;
    const { context } = await this.#conditioned.step(timestep, signal);
    const inputs = { image, context, modulations, ...this.#rope };
    const { velocity, residual } = await transformer.blocks.run(this.#shape, inputs, signal);
    this.#residual?.[Symbol.dispose]();
    this.#residual = residual;
    return { velocity, residual };
  }

  async reuse({ image, modulations }: EmbeddedStep, residual: DeviceTensor, signal: AbortSignal) {
    return await this.#conditioned.transformer.skippedStep(this.#shape, { image, residual, modulations }, signal);
  }

  #modulated(step: EmbeddedStep, signal: AbortSignal): Promise<DeviceTensor> {
    const { image, modulations } = step;
    return step.modulated ??= this.#conditioned.transformer.modulatedInput(this.#shape, image, modulations, signal);
  }

  [Symbol.dispose](): void {
    for (const step of this.#embedded) release(step);
    this.#embedded = [];
    this.#residual?.[Symbol.dispose]();
    this.#history?.[Symbol.dispose]();
    for (const rotation of Object.values(this.#rope)) rotation[Symbol.dispose]();
  }
}

function release({ image, modulated }: EmbeddedStep): void {
  image[Symbol.dispose]();
  modulated?.then((tensor) => tensor[Symbol.dispose](), () => {});
}

const releaseAll = ({ modulations, context }: Step): void => {
  modulations[Symbol.dispose]();
  context[Symbol.dispose]();
};

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

const tokens = (values: Float32Array, width: number) => float32Tensor([values.length / width, width], values);
