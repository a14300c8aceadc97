/**
 * TeaCache: steps whose input has hardly changed reuse the residual of the last step that ran the blocks.
 *
 * "Timestep Embedding Tells: It's Time to Cache for Video Diffusion Model", arXiv 2411.19108, section 3.3; the
 * polynomial is FramePack's, 97fe5db `hunyuan_video_packed.py` `initialize_teacache`.
 * @module
 */
import type { VelocityModel } from "./denoise.ts";

/**
 * The transformer cut where TeaCache needs it. `Embedded` and `Residual` may live wherever the model keeps them: it keeps
 * what it embedded for the last two steps, and the residual of its last run.
 */
export interface CacheableModel<Embedded, Residual> {
  /** Everything before block 0, that block's modulated image tokens included. */
  embed(latents: Float32Array, timestep: number, signal: AbortSignal): Promise<Embedded>;
  /** `relativeChange` of the modulated image tokens. */
  change(now: Embedded, before: Embedded, signal: AbortSignal): number | Promise<number>;
  /** All blocks and the head. The residual is what the blocks added to the image tokens. */
  run(embedded: Embedded, signal: AbortSignal): Promise<{ velocity: Float32Array; residual: Residual }>;
  /** The head alone, on the image tokens plus an earlier residual. */
  reuse(embedded: Embedded, residual: Residual, signal: AbortSignal): Promise<Float32Array>;
}

/** When to skip. */
export interface TeaCacheOptions {
  /** Steps of the section; the first and the last are always computed. */
  readonly steps: number;
  /** Estimated change that may add up before the blocks run again; the authors' usual value is 0.15, and 0 is off. */
  readonly threshold: number;
}

/**
 * A velocity model that skips. It has the bookkeeping of one section and one condition: make a new one for each section,
 * and one each for the positive and the negative prompt (the published code counts both as one and so breaks its count).
 */
export function withTeaCache<Embedded, Residual>(
  model: CacheableModel<Embedded, Residual>,
  { steps, threshold }: TeaCacheOptions,
): VelocityModel {
  let stepIndex = 0;
  let accumulated = 0;
  let before: Embedded | undefined;
  let residual: Residual | undefined;
  return async (latents, timestep, signal) => {
    const embedded = await model.embed(latents, timestep, signal);
    const mayBeSkipped = before !== undefined && residual !== undefined && stepIndex < steps - 1;
    if (mayBeSkipped) accumulated += estimatedChange(await model.change(embedded, before!, signal));
    if (threshold > 0) before = embedded;
    stepIndex++;
    if (mayBeSkipped && accumulated < threshold) {
      return { velocity: await model.reuse(embedded, residual!, signal), skipped: true };
    }
    accumulated = 0;
    const computed = await model.run(embedded, signal);
    residual = computed.residual;
    return { velocity: computed.velocity, skipped: false };
  };
}

/** mean |now − before| / mean |before|. */
export function relativeChange(now: Float32Array, before: Float32Array): number {
  let difference = 0;
  let size = 0;
  for (let i = 0; i < now.length; i++) {
    difference += Math.abs(now[i]! - before[i]!);
    size += Math.abs(before[i]!);
  }
  return difference / size;
}

/** How far the output is expected to change when the modulated input changed by `relative`. */
export function estimatedChange(relative: number): number {
  const coefficients = [733.226126, -401.131952, 67.5869174, -3.14987800, 0.0961237896];
  return coefficients.reduce((sum, coefficient) => sum * relative + coefficient, 0);
}
