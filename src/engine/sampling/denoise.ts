/**
 * One section's denoising: noise in, latents out, one event per step.
 *
 * FramePack 97fe5db, `k_diffusion_hunyuan.py` `sample_hunyuan` with `uni_pc_fm.py` and `wrapper.py`.
 * @module
 */
import { roundToBfloat16 } from "../onnx/tensor.ts";
import { denoisedOfVelocity, guidedVelocity } from "./guidance.ts";
import { type InputPrecision, timestepOfSigma } from "./schedule.ts";
import { unipc, type UniPcVariant } from "./unipc.ts";

/**
 * One forward pass of the transformer under fixed conditions: the velocity noise − x0, shaped like `latents`
 * [1, 16, latentFrames, height, width]. `timestep` is σ · 1000, rounded already; `skipped` tells that TeaCache saved the pass.
 */
export type VelocityModel = (
  latents: Float32Array,
  timestep: number,
  signal: AbortSignal,
) => Promise<{ readonly velocity: Float32Array; readonly skipped: boolean }>;

/** Guidance away from a negative prompt. */
export interface TrueGuidance {
  /** Under the negative prompt. */
  readonly negative: VelocityModel;
  /** Above 1. */
  readonly cfg: number;
  /** 0 (off) to 1, see `guidedVelocity`. */
  readonly rescale: number;
}

/** What one section is denoised with. */
export interface DenoiseOptions {
  /** [1, 16, latentFrames, height, width], standard normal. */
  readonly noise: Float32Array;
  /** From `sigmaSchedule`. */
  readonly sigmas: Float32Array;
  /** Under the prompt. */
  readonly positive: VelocityModel;
  /** True classifier-free guidance, a second pass per step; null is off (cfg 1). */
  readonly guidance: TrueGuidance | null;
  readonly precision: InputPrecision;
  /** @default {"bh1"} */
  readonly variant?: UniPcVariant;
}

/** After one step. */
export interface DenoiseStep {
  /** Counted from 1. */
  readonly step: number;
  readonly of: number;
  /** The latents as they would be if all noise left were removed now; those of the last step are the section. */
  readonly denoised: Float32Array;
  /** TeaCache saved every pass of this step. */
  readonly skipped: boolean;
}

/**
 * Denoises a section, one step per turn of the reader's loop; the last step's `denoised` is the result.
 * @throws the signal's reason when stopped
 */
export async function* denoise(options: DenoiseOptions, signal: AbortSignal): AsyncGenerator<DenoiseStep, void> {
  const { noise, sigmas, variant = "bh1" } = options;
  const of = sigmas.length - 1;
  let skipped = false;
  const model = async (latents: Float32Array, sigma: number) => {
    signal.throwIfAborted();
    const prediction = await predictDenoised(options, latents, sigma, signal);
    skipped = prediction.skipped;
    return prediction.denoised;
  };
  for await (const { stepIndex, denoised } of unipc(model, noise, sigmas, variant)) {
    yield { step: stepIndex + 1, of, denoised, skipped };
  }
}

/** x̂0 at one noise level: one pass, or two with true guidance. The state is rounded as the transformer gets it. */
export async function predictDenoised(
  { positive, guidance, precision }: Pick<DenoiseOptions, "positive" | "guidance" | "precision">,
  latents: Float32Array,
  sigma: number,
  signal: AbortSignal,
): Promise<{ denoised: Float32Array; skipped: boolean }> {
  const seen = precision === "bfloat16" ? roundToBfloat16(latents) : latents;
  const timestep = timestepOfSigma(sigma, precision);
  const wanted = await positive(seen, timestep, signal);
  if (guidance === null) return { denoised: denoisedOfVelocity(seen, wanted.velocity, sigma), skipped: wanted.skipped };
  const unwanted = await guidance.negative(seen, timestep, signal);
  const velocity = guidedVelocity(wanted.velocity, unwanted.velocity, guidance.cfg, guidance.rescale);
  return { denoised: denoisedOfVelocity(seen, velocity, sigma), skipped: wanted.skipped && unwanted.skipped };
}
