/**
 * The embedding of a scalar that both timestep and guidance go through.
 *
 * "Attention Is All You Need" (arXiv 1706.03762) section 3.5 as in diffusers 0.33.1 `get_timestep_embedding` with
 * `flip_sin_to_cos` and no frequency shift.
 * @module
 */

/** Numbers the transformer's embedders take. */
export const sinusoidChannels = 256;

/**
 * [cos(t ω_0), …, cos(t ω_127), sin(t ω_0), …, sin(t ω_127)] with ω_k = 10000^(−k/128). Angles reach 10⁴, where float32
 * ones are off by 5e-4, so they are computed in float64 and only the result is rounded.
 */
export function sinusoid(value: number): Float32Array {
  const half = sinusoidChannels / 2;
  const embedding = new Float32Array(sinusoidChannels);
  for (let k = 0; k < half; k++) {
    const angle = value * Math.exp(-Math.log(10000) * k / half);
    embedding[k] = Math.cos(angle);
    embedding[half + k] = Math.sin(angle);
  }
  return embedding;
}
