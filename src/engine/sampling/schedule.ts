/**
 * The noise levels (sigmas) a section is denoised over, and the scalars the transformer is told about them.
 *
 * Flow matching with the resolution-dependent time shift of Stable Diffusion 3 (arXiv 2403.03206, equation 23) in the
 * form of FLUX; FramePack 97fe5db, `k_diffusion_hunyuan.py` `calculate_flux_mu` and `get_flux_sigmas_from_mu`.
 * @module
 */
import { roundToBfloat16 } from "../onnx/tensor.ts";

/** Precision in which everything enters the transformer. The published models were trained and run in bfloat16. */
export type InputPrecision = "bfloat16" | "float32";

// The shift grows linearly from 0.5 at 256 tokens to 1.15 at 4096 tokens.
const [leastTokens, mostTokens] = [256, 4096] as const;
const [leastMu, mostMu] = [0.5, 1.15] as const;
/** FramePack's bound: e^mu ≤ 7, reached from 8798 tokens on, so by every size of the 640 family. */
const defaultLargestShift = 7;

/** Tokens of the noisy window: patches of 1 × 2 × 2 latents. */
export function noisyTokens(latentFrames: number, latentHeight: number, latentWidth: number): number {
  return (latentFrames * latentHeight * latentWidth) / 4;
}

/** mu for a window of that many tokens, not above ln `largestShift`. */
export function fluxMu(tokens: number, largestShift = defaultLargestShift): number {
  const slope = (mostMu - leastMu) / (mostTokens - leastTokens);
  return Math.min(tokens * slope + (leastMu - slope * leastTokens), Math.log(largestShift));
}

/** mu of a shift given by hand: σ = shift · t / (1 + (shift − 1) t). */
export function muOfShift(shift: number): number {
  return Math.log(shift);
}

/**
 * `steps` + 1 noise levels from 1 down to 0. Every operation is rounded to float32 as PyTorch does it, because the
 * bfloat16 timesteps made from them must be equal.
 */
export function sigmaSchedule(steps: number, mu: number): Float32Array {
  const shift = Math.fround(Math.exp(mu));
  return linspace(1, 0, steps + 1).map((t) => {
    const odds = Math.fround(Math.fround(1 / t) - 1);
    // PyTorch divides a scalar by a tensor as reciprocal times scalar.
    return shift * Math.fround(1 / Math.fround(shift + odds));
  });
}

/** What the transformer is told of a sigma: σ · 1000, in its input precision. */
export function timestepOfSigma(sigma: number, precision: InputPrecision): number {
  return thousandfold(sigma, precision);
}

/** What the transformer is told of the distilled guidance: 10 becomes 10000, in bfloat16 9984. */
export function guidanceInput(guidance: number, precision: InputPrecision): number {
  return thousandfold(guidance, precision);
}

/** `count` numbers from `start` to `end` in float32, counted from the nearer end as torch.linspace does. */
export function linspace(start: number, end: number, count: number): Float32Array {
  const numbers = new Float32Array(count);
  const step = count === 1 ? 0 : Math.fround((end - start) / (count - 1));
  const halfway = Math.max(1, Math.floor(count / 2));
  for (let i = 0; i < count; i++) {
    numbers[i] = i < halfway ? start + Math.fround(step * i) : end - Math.fround(step * (count - 1 - i));
  }
  return numbers;
}

function thousandfold(x: number, precision: InputPrecision): number {
  const exact = Float32Array.of(Math.fround(x) * 1000);
  return (precision === "bfloat16" ? roundToBfloat16(exact) : exact)[0]!;
}
