/**
 * UniPC: a multistep predictor-corrector that needs one model call per step.
 *
 * "UniPC: A Unified Predictor-Corrector Framework for Fast Sampling of Diffusion Models", arXiv 2302.04867, algorithms
 * 1 and 2 (multistep, data prediction), with λ(σ) = −ln σ for flow matching. FramePack uses variant B₁(h) = h at order 3.
 * @module
 */
import { float32Log } from "./float32_log.ts";

/** B(h) of the paper's section 3.1: `bh1` is h, `bh2` is e^h − 1. */
export type UniPcVariant = "bh1" | "bh2";

/** Gives the denoised latents x̂0 (as many numbers as `latents`) predicted from `latents` at `sigma`. */
export type DenoisedModel = (latents: Float32Array, sigma: number, stepIndex: number) => Promise<Float32Array>;

/** After one model call. */
export interface UniPcStep {
  /** Counted from 0. */
  readonly stepIndex: number;
  readonly sigma: number;
  /** The model's output; that of the last step is the result. */
  readonly denoised: Float32Array;
  /** The state, corrected with this output. */
  readonly latents: Float32Array;
}

interface Output {
  readonly sigma: number;
  readonly denoised: Float32Array;
}

const largestOrder = 3;
const { fround } = Math;

/**
 * Denoises `noise` over `sigmas` (falling; the last, 0, is never evaluated): as many model calls and steps as there are
 * intervals. Nothing is computed ahead of the reader, so leaving the loop stops the sampling.
 */
export async function* unipc(
  model: DenoisedModel,
  noise: Float32Array,
  sigmas: Float32Array,
  variant: UniPcVariant = "bh1",
): AsyncGenerator<UniPcStep, void> {
  const steps = sigmas.length - 1;
  const order = Math.max(1, Math.min(largestOrder, steps - 1));
  let latents = noise;
  let past: readonly Output[] = [];
  for (let stepIndex = 0; stepIndex < steps; stepIndex++) {
    const sigma = sigmas[stepIndex]!;
    const update = past.length === 0 ? null : unipcUpdate(past, sigma, variant);
    const predicted = update === null ? latents : combine(latents, update.predictor, past);
    const denoised = await model(predicted, sigma, stepIndex);
    const newest = { sigma, denoised };
    if (update !== null) latents = combine(latents, update.corrector, [...past, newest]);
    past = [...past, newest].slice(-order);
    yield { stepIndex, sigma, denoised, latents };
  }
}

/** Weights of a new state: `state` for the old state, `outputs` for the outputs, oldest first. */
interface Weights {
  readonly state: number;
  readonly outputs: readonly number[];
}

/**
 * Both updates are linear in the state and the outputs, so they are computed as weights. With hh = −h, φ₁ = e^hh − 1 and
 * D_k = (m_{a−k} − m_a) / r_k: x ← (σ/σ_a)·x − φ₁·m_a − B·Σ ρ_k D_k; the corrector's sum ends with D_p = m − m_a.
 *
 * Every scalar is rounded to float32 as in the published sampler. That is no detail: for short steps the moments cancel,
 * and of 25 steps the rounded ones move the state by up to 1e-2 against exact arithmetic.
 */
function unipcUpdate(past: readonly Output[], sigma: number, variant: UniPcVariant) {
  const order = past.length;
  const anchor = past[order - 1]!;
  const lambda = -float32Log(anchor.sigma);
  const h = fround(-float32Log(sigma) - lambda);
  const phi1 = fround(Math.expm1(-h));
  const scale = variant === "bh1" ? -h : phi1;
  const distances = past.slice(0, -1).reverse().map((output) => fround(fround(-float32Log(output.sigma) - lambda) / h));
  const moments = momentsOf(order, -h, phi1, scale);

  const predictorRho = order === 2 ? [0.5] : solveVandermonde(distances, moments.slice(0, -1));
  const correctorRho = order === 1 ? [0.5] : solveVandermonde([...distances, 1], moments);
  const state = fround(sigma / anchor.sigma);
  const weights = (rho: readonly number[]): Weights => {
    // Newest first: the anchor collects what the differences take from it.
    const older = distances.map((distance, k) => -scale * rho[k]! / distance);
    const own = -phi1 - older.reduce((sum, weight) => sum + weight, 0);
    return { state, outputs: [...older.reverse(), own] };
  };
  const corrector = weights(correctorRho);
  const newest = -scale * correctorRho[order - 1]!;
  const beforeNewest = corrector.outputs.with(-1, corrector.outputs.at(-1)! - newest);
  return { predictor: weights(predictorRho), corrector: { state, outputs: [...beforeNewest, newest] } };
}

/** b_k = g_k k! / B, with g_1 = φ₁/hh − 1 and g_{k+1} = g_k / hh − 1/(k+1)!. */
function momentsOf(order: number, hh: number, phi1: number, scale: number): number[] {
  const moments: number[] = [];
  let g = fround(fround(phi1 / hh) - 1);
  let factorial = 1;
  for (let k = 1; k <= order; k++) {
    moments.push(fround(fround(g * factorial) / scale));
    factorial *= k + 1;
    g = fround(fround(g / hh) - fround(1 / factorial));
  }
  return moments;
}

/** ρ of Σ_j r_j^k ρ_j = b_k, k = 0.., by eliminating one unknown after the other (at most three of them). */
function solveVandermonde(r: readonly number[], b: readonly number[]): number[] {
  const size = r.length;
  const rows = b.map((value, k) => [...r.map((x) => x ** k), value]);
  for (let pivot = 0; pivot < size; pivot++) {
    for (let row = 0; row < size; row++) {
      if (row === pivot) continue;
      const factor = rows[row]![pivot]! / rows[pivot]![pivot]!;
      for (let column = pivot; column <= size; column++) rows[row]![column]! -= factor * rows[pivot]![column]!;
    }
  }
  return rows.map((row, k) => row[size]! / row[k]!);
}

function combine(state: Float32Array, weights: Weights, outputs: readonly Output[]): Float32Array {
  const result = new Float64Array(state.length);
  for (let i = 0; i < state.length; i++) result[i] = weights.state * state[i]!;
  outputs.forEach(({ denoised }, k) => {
    const weight = weights.outputs[k]!;
    for (let i = 0; i < state.length; i++) result[i]! += weight * denoised[i]!;
  });
  return Float32Array.from(result);
}
