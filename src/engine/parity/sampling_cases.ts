/**
 * Golden cases of the sampler's mathematics.
 * @module
 */
import { elementCount } from "../onnx/tensor.ts";
import {
  type DenoisedModel,
  fluxMu,
  guidanceInput,
  hunyuanVideoRgb,
  type InputPrecision,
  muOfShift,
  nearestSize,
  previewFrames,
  previewRgb,
  publishedSizesOf,
  sigmaSchedule,
  timestepOfSigma,
  torchNormal,
  unipc,
  type UniPcVariant,
} from "../sampling/mod.ts";
import type { CaseOutputs } from "./compare.ts";
import type { GoldenCase, GoldenTensor } from "./golden_case.ts";
import { sectionPlanCase } from "./section_plan_cases.ts";
import { softAppendCase } from "./soft_append_cases.ts";
import type { ComponentRunner } from "./component.ts";

export const samplingCases: Readonly<Record<string, ComponentRunner>> = {
  buckets: bucketsCase,
  noise: noiseCase,
  sigmas: sigmasCase,
  unipc: unipcCase,
  "section_plan": sectionPlanCase,
  "soft_append": softAppendCase,
  preview: previewCase,
};

type Sized = { readonly h: number; readonly w: number; readonly resolution?: number };

function bucketsCase({ params, expect }: GoldenCase): Promise<CaseOutputs> {
  const rows = (expect["rows"] as Sized[]).map(({ h, w, resolution = params["resolution"] as number }) => {
    try {
      const { heightPx, widthPx } = nearestSize({ heightPx: h, widthPx: w }, publishedSizesOf(resolution));
      return { h, w, resolution, bucket: [heightPx, widthPx] };
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      return { h, w, resolution, error: "no bucket list for this resolution" };
    }
  });
  return Promise.resolve({ expect: { rows } });
}

/** Two draws of a shape, a fresh generator for every size, or one generator for draws of mixed sizes. */
function noiseCase({ params, outputs }: GoldenCase): Promise<CaseOutputs> {
  const seed = params["seed"] as number;
  const tensors: Record<string, GoldenTensor> = {};
  const generator = torchNormal(seed);
  if (params["shape"] !== undefined) {
    const shape = params["shape"] as number[];
    for (const name of ["first", "second"]) tensors[name] = { shape, data: generator(elementCount(shape)) };
    return Promise.resolve({ tensors });
  }
  (params["sizes"] as number[]).forEach((size, i) => {
    const fresh = `n${size}`;
    if (fresh in outputs) tensors[fresh] = { shape: [size], data: torchNormal(seed)(size) };
    else tensors[`draw${i}_n${size}`] = { shape: [size], data: generator(size) };
  });
  return Promise.resolve({ tensors });
}

function sigmasCase({ params, expect }: GoldenCase): Promise<CaseOutputs> {
  if (expect["rows"] !== undefined) {
    const rows = (expect["rows"] as Record<string, number>[]).map((row) => sigmaFacts(row, params));
    return Promise.resolve({ expect: { rows } });
  }
  const { shift, seq, steps } = params as { shift: number | null; seq: number; steps: number[] };
  const mu = shift === null ? fluxMu(seq) : muOfShift(shift);
  const tensors: Record<string, GoldenTensor> = {};
  for (const count of steps) {
    const sigmas = sigmaSchedule(count, mu);
    const told = (precision: InputPrecision) => sigmas.slice(0, -1).map((sigma) => timestepOfSigma(sigma, precision));
    tensors[`sigmas_${count}`] = { shape: [count + 1], data: sigmas };
    tensors[`timesteps_${count}`] = { shape: [count], data: told("float32") };
    tensors[`timesteps_bf16_${count}`] = { shape: [count], data: told("bfloat16") };
  }
  return Promise.resolve({ tensors });
}

function sigmaFacts(row: Record<string, number>, params: GoldenCase["params"]) {
  if (row["seq"] !== undefined) {
    const largestShift = row["exp_max"] ?? params["exp_max"] as number;
    return { ...row, mu: fluxMu(row["seq"], largestShift) };
  }
  const guidance = row["distilled_guidance_scale"]!;
  return {
    distilled_guidance_scale: guidance,
    guidance: guidanceInput(guidance, "float32"),
    guidance_bf16: guidanceInput(guidance, "bfloat16"),
  };
}

/** Recorded: the model's outputs are given. Analytic: the model is 0.7 tanh(x) + 0.1 σ, over several schedules. */
async function unipcCase({ params, inputs }: GoldenCase): Promise<CaseOutputs> {
  const { variant, mu, steps } = params as { variant: UniPcVariant; mu: number; steps: number | number[] };
  const noise = inputs["x"]!;
  const tensors: Record<string, GoldenTensor> = {};
  if (typeof steps === "number") {
    const outputs = inputs["model_outputs"]!.data as Float32Array;
    const size = noise.data.length;
    const model: DenoisedModel = (_, __, i) => Promise.resolve(outputs.slice(i * size, (i + 1) * size));
    const run = await runUnipc(model, noise, inputs["sigmas"]!.data as Float32Array, variant);
    return { tensors: { result: run.result, x: run.x } };
  }
  for (const count of steps) {
    const model: DenoisedModel = (x, sigma) => Promise.resolve(x.map((v) => 0.7 * Math.tanh(v) + 0.1 * sigma));
    const run = await runUnipc(model, noise, sigmaSchedule(count, mu), variant);
    tensors[`result_${count}`] = run.result;
    tensors[`x_${count}`] = run.x;
    tensors[`denoised_${count}`] = run.denoised;
  }
  return { tensors };
}

async function runUnipc(model: DenoisedModel, noise: GoldenTensor, sigmas: Float32Array, variant: UniPcVariant) {
  const steps = await Array.fromAsync(unipc(model, noise.data as Float32Array, sigmas, variant));
  const { shape } = noise;
  return {
    result: { shape, data: steps.at(-1)!.denoised },
    x: stacked(steps.map(({ latents }) => latents), shape),
    denoised: stacked(steps.map(({ denoised }) => denoised), shape),
  };
}

function stacked(parts: readonly Float32Array[], shape: readonly number[]): GoldenTensor {
  return { shape: [parts.length, ...shape], data: Float32Array.from(parts.flatMap((part) => [...part])) };
}

/** `image` has the frames side by side: [height, latentFrames · width, 3]. */
function previewCase({ inputs }: GoldenCase): Promise<CaseOutputs> {
  const latents = inputs["latents"]!;
  const [, channels, frames, height, width] = latents.shape as [number, number, number, number, number];
  const data = latents.data as Float32Array;
  const pixels = previewFrames(data, { channels, height, width }, hunyuanVideoRgb);
  const image = new Uint8Array(pixels.length);
  for (let frame = 0; frame < frames; frame++) {
    for (let row = 0; row < height; row++) {
      const from = (frame * height + row) * width * 3;
      image.set(pixels.subarray(from, from + width * 3), (row * frames + frame) * width * 3);
    }
  }
  return Promise.resolve({
    tensors: {
      rgb: { shape: [1, 3, frames, height, width], data: previewRgb(data, hunyuanVideoRgb) },
      image: { shape: [height, frames * width, 3], data: image },
    },
  });
}
