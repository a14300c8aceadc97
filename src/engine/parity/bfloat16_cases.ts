/**
 * Golden cases of bfloat16 arithmetic. No CPU operator computes in it, so the graph runs emulated; it is judged by its
 * distance to the float32 result.
 * @module
 */
import { roundToBfloat16 } from "../onnx/tensor.ts";
import { type Checkpoint, withWeights } from "../onnx/safetensors.ts";
import { FramePackTransformer, loadTransformer } from "../transformer.ts";
import { sinusoidChannels } from "../sampling/mod.ts";
import type { CaseOutputs } from "./compare.ts";
import { distanceBetween } from "./distance.ts";
import type { GoldenCase, GoldenTensor } from "./golden_case.ts";
import type { ComponentRunner } from "./component.ts";
import { type SampledSection, sampleSection } from "./section_cases.ts";
import { caseExecutables, forward } from "./transformer_cases.ts";

export const bfloat16Cases: Readonly<Record<string, ComponentRunner>> = {
  bf16: (golden) => "hidden_states" in golden.inputs ? forwardCase(golden) : sampleCase(golden),
};

async function forwardCase(golden: GoldenCase): Promise<CaseOutputs> {
  const [inFloat32, inBfloat16] = await inBoth(golden, (transformer) => forward(transformer, golden, "taps"));
  return {
    tensors: { sample_fp32: inFloat32["sample"]!, sample_bf16: inBfloat16["sample"]! },
    expect: { bf16_to_fp32: distances(inBfloat16, inFloat32) },
  };
}

/**
 * The steps round their state to bfloat16, and over many of them a value that falls to the other side costs a whole unit of
 * it. So the sinusoids are the reference's here, in float32; there is no float64 result to compare with.
 */
async function sampleCase(golden: GoldenCase): Promise<CaseOutputs> {
  const [inFloat32, inBfloat16] = await inBoth(golden, ({ source, executables }) => {
    const transformer = new FramePackTransformer({ ...source, sinusoid: float32Sinusoid }, executables);
    return sampleSection(transformer, golden);
  });
  const stepDistance = (step: number) => distanceBetween(inBfloat16.denoised[step]!, inFloat32.denoised[step]!).rel_l2;
  const latents = ({ latents }: SampledSection) => ({ latents });
  return {
    tensors: { latents_fp32: inFloat32.latents, latents_bf16: inBfloat16.latents },
    expect: {
      bf16_to_fp32: {
        ...distances(latents(inBfloat16), latents(inFloat32)),
        per_step_denoised: inFloat32.denoised.map((_, step) => stepDistance(step)),
      },
    },
  };
}

/** `sinusoid` with frequencies and angles rounded to float32, as diffusers' `get_timestep_embedding` computes it. */
function float32Sinusoid(value: number): Float32Array {
  const half = sinusoidChannels / 2;
  const embedding = new Float32Array(sinusoidChannels);
  for (let k = 0; k < half; k++) {
    const exponent = Math.fround(Math.fround(Math.fround(-Math.log(10000)) * k) / half);
    const angle = Math.fround(value * Math.fround(Math.exp(exponent)));
    embedding[k] = Math.cos(angle);
    embedding[half + k] = Math.sin(angle);
  }
  return embedding;
}

/** The same work in float32 with weights rounded to bfloat16, and in bfloat16 throughout. */
async function inBoth<T>(
  { modelDir }: GoldenCase,
  work: (transformer: FramePackTransformer) => Promise<T>,
): Promise<[T, T]> {
  using executables = caseExecutables();
  const { source } = await loadTransformer(`${modelDir}/transformer`, executables);
  const rounded = new FramePackTransformer(
    { ...source, checkpoint: await roundedWeights(source.checkpoint) },
    executables,
  );
  const inFloat32 = await work(rounded);
  using emulatedExecutables = caseExecutables();
  const emulated = { ...source, computeDType: "bfloat16", arithmetic: "emulated" } as const;
  return [inFloat32, await work(new FramePackTransformer(emulated, emulatedExecutables))];
}

async function roundedWeights(base: Checkpoint): Promise<Checkpoint> {
  const rounded = await Promise.all(
    base.names().map(async (name) => {
      const data = roundToBfloat16(await base.readFloat32(name));
      return [name, { shape: base.get(name).shape, data }] as const;
    }),
  );
  return withWeights(base, new Map(rounded));
}

function distances(a: Readonly<Record<string, GoldenTensor>>, b: Readonly<Record<string, GoldenTensor>>) {
  return Object.fromEntries(Object.keys(b).map((name) => [name, distanceBetween(a[name]!.data, b[name]!.data)]));
}
