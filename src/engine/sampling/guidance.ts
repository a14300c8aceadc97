/**
 * From the transformer's velocity to the denoised latents, with true classifier-free guidance.
 *
 * Classifier-free guidance: arXiv 2207.12598, equation 6. Rescale: arXiv 2305.08891, equations 15 and 16.
 * FramePack 97fe5db, `k_diffusion/wrapper.py` `fm_wrapper`.
 * @module
 */

/**
 * v = v⁻ + cfg · (v⁺ − v⁻), then moved by `rescale` (0 to 1) towards the spread of v⁺: φ · v · std(v⁺)/std(v) + (1 − φ) · v.
 * All of one sample, any shape.
 */
export function guidedVelocity(
  positive: Float32Array,
  negative: Float32Array,
  cfg: number,
  rescale: number,
): Float32Array {
  const guided = new Float32Array(positive.length);
  for (let i = 0; i < guided.length; i++) {
    guided[i] = negative[i]! + Math.fround(cfg * Math.fround(positive[i]! - negative[i]!));
  }
  if (rescale === 0) return guided;
  const factor = rescale * standardDeviation(positive) / standardDeviation(guided) + (1 - rescale);
  return guided.map((v) => factor * v);
}

/** x̂0 = x − σ · v, since v = noise − x0. `latents` is the state as the transformer saw it. */
export function denoisedOfVelocity(latents: Float32Array, velocity: Float32Array, sigma: number): Float32Array {
  const denoised = new Float32Array(latents.length);
  for (let i = 0; i < denoised.length; i++) denoised[i] = latents[i]! - Math.fround(velocity[i]! * sigma);
  return denoised;
}

/** With N − 1 in the denominator, as torch.std. */
function standardDeviation(values: Float32Array): number {
  let sum = 0;
  for (const value of values) sum += value;
  const mean = sum / values.length;
  let squares = 0;
  for (const value of values) squares += (value - mean) ** 2;
  return Math.sqrt(squares / (values.length - 1));
}
