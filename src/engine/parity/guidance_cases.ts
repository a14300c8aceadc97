/**
 * Golden cases of guidance whose velocities are recorded: no network runs.
 * @module
 */
import { type InputPrecision, predictDenoised, type VelocityModel } from "../sampling/mod.ts";
import type { CaseOutputs } from "./compare.ts";
import type { GoldenCase } from "./golden_case.ts";

/** One noise level of the model wrapper: x̂0, how often the model was called and with which timestep. */
export async function combineCase({ params, inputs }: GoldenCase): Promise<CaseOutputs> {
  const { real_guidance_scale: cfg, guidance_rescale: rescale, dtype } = params as {
    real_guidance_scale: number;
    guidance_rescale: number;
    dtype: InputPrecision;
  };
  const calls: number[] = [];
  const recorded = (name: string): VelocityModel => (_, timestep) => {
    calls.push(timestep);
    return Promise.resolve({ velocity: inputs[name]!.data as Float32Array, skipped: false });
  };
  const { denoised } = await predictDenoised(
    {
      positive: recorded("positive"),
      guidance: cfg === 1 ? null : { negative: recorded("negative"), cfg, rescale },
      precision: dtype,
    },
    inputs["x"]!.data as Float32Array,
    inputs["sigma"]!.data[0]!,
    new AbortController().signal,
  );
  return {
    tensors: { x0: { shape: inputs["x"]!.shape, data: denoised } },
    expect: { model_calls: calls.length, timestep: calls[0] },
  };
}
