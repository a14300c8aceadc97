/**
 * Golden cases of one whole section: noise, steps, guidance, step skipping, through the real transformer.
 * @module
 */
import { roundToBfloat16 } from "../onnx/tensor.ts";
import {
  denoise,
  estimatedChange,
  fluxMu,
  guidanceInput,
  type InputPrecision,
  noisyTokens,
  sigmaSchedule,
  torchNormal,
  type VelocityModel,
  withTeaCache,
} from "../sampling/mod.ts";
import type { SectionModel } from "../conditioned_transformer.ts";
import { type FramePackTransformer, loadTransformer } from "../transformer.ts";
import type { CaseOutputs } from "./compare.ts";
import type { GoldenCase, GoldenTensor } from "./golden_case.ts";
import { combineCase } from "./guidance_cases.ts";
import type { ComponentRunner } from "./component.ts";
import { caseExecutables, sectionOf, unbatched } from "./transformer_cases.ts";

export const sectionCases: Readonly<Record<string, ComponentRunner>> = {
  cfg: (golden) => "sigma" in golden.inputs ? combineCase(golden) : sampleCase(golden),
  teacache: teaCacheCase,
};

async function sampleCase(golden: GoldenCase): Promise<CaseOutputs> {
  using executables = caseExecutables();
  const transformer = await loadTransformer(`${golden.modelDir}/transformer`, executables);
  const { latents, denoised } = await sampleSection(transformer, golden);
  const shape = [denoised.length, ...latents.shape];
  const steps = { shape, data: Float32Array.from(denoised.flatMap((step) => [...step])) };
  return { tensors: { latents, latents_fp64: latents, denoised: steps } };
}

async function teaCacheCase(golden: GoldenCase): Promise<CaseOutputs> {
  using executables = caseExecutables();
  const transformer = await loadTransformer(`${golden.modelDir}/transformer`, executables);
  const { latents, denoised, computed, distances } = await sampleSection(transformer, golden);
  return {
    tensors: { latents, latents_fp64: latents, denoised_first: { shape: latents.shape, data: denoised[0]! } },
    expect: { computed, distances },
  };
}

export interface SampledSection {
  readonly latents: GoldenTensor;
  readonly denoised: readonly Float32Array[];
  /** Of each step: whether the blocks ran. */
  readonly computed: readonly boolean[];
  readonly distances: readonly TeaCacheDistance[];
}

/** What TeaCache measured between a step and the one before; `accumulated` before it is reset. */
interface TeaCacheDistance {
  readonly step: number;
  readonly ["rel_l1"]: number;
  readonly rescaled: number;
  readonly accumulated: number;
}

/** One section of a case under its own settings. */
export async function sampleSection(transformer: FramePackTransformer, golden: GoldenCase): Promise<SampledSection> {
  const { params } = golden;
  const signal = new AbortController().signal;
  const steps = params["steps"] as number;
  const precision = (params["io_dtype"] ?? params["dtype"] ?? "float32") as InputPrecision;
  const { shape } = sectionOf(golden);
  const [frames, height, width] = shape.window;
  const distances: TeaCacheDistance[] = [];
  using used = new DisposableStack();
  const model = (prompt: "prompt" | "negative_prompt") =>
    velocityModel(transformer, golden, prompt, precision, distances, used);
  const cfg = params["real_guidance_scale"] as number;
  const run = denoise({
    noise: torchNormal(params["seed"] as number)(16 * frames * height * width),
    sigmas: sigmaSchedule(steps, fluxMu(noisyTokens(frames, height, width))),
    positive: await model("prompt"),
    guidance: cfg === 1
      ? null
      : { negative: await model("negative_prompt"), cfg, rescale: (params["guidance_rescale"] ?? 0) as number },
    precision,
  }, signal);
  const results = await Array.fromAsync(run);
  return {
    latents: { shape: [1, 16, ...shape.window], data: results.at(-1)!.denoised },
    denoised: results.map(({ denoised }) => denoised),
    computed: results.map(({ skipped }) => !skipped),
    distances: distances.slice(0, steps - 2),
  };
}

async function velocityModel(
  transformer: FramePackTransformer,
  golden: GoldenCase,
  prompt: "prompt" | "negative_prompt",
  precision: InputPrecision,
  distances: TeaCacheDistance[],
  used: DisposableStack,
): Promise<VelocityModel> {
  const { params, inputs } = golden;
  const signal = new AbortController().signal;
  const entering = (name: string) => {
    const tensor = unbatched(inputs[name]!);
    return precision === "bfloat16" ? { ...tensor, data: roundToBfloat16(tensor.data) } : tensor;
  };
  const conditioned = used.use(
    await transformer.condition({
      text: entering(`${prompt}_embeds`),
      pooled: entering(`${prompt}_poolers`),
      image: entering("image_embeddings"),
      guidance: guidanceInput(params["distilled_guidance_scale"] as number, precision),
    }, signal),
  );
  const section = sectionOf(golden);
  const history = Object.fromEntries(
    Object.entries(section.history).map((
      [group, latents],
    ) => [group, precision === "bfloat16" ? roundToBfloat16(latents) : latents]),
  );
  const model = used.use(await conditioned.section({ ...section, history }, signal));
  const threshold = (params["rel_l1_thresh"] ?? 0) as number;
  const watched = threshold > 0 ? watchedModel(model, distances, threshold) : model;
  return withTeaCache(watched, { steps: params["steps"] as number, threshold });
}

type Cacheable = Pick<SectionModel, "embed" | "run" | "reuse" | "change">;

/** The same model, whose changes are written down. */
function watchedModel(model: SectionModel, distances: TeaCacheDistance[], threshold: number): Cacheable {
  return {
    embed: (...step) => model.embed(...step),
    run: (...step) => model.run(...step),
    reuse: (...step) => model.reuse(...step),
    change: async (now, before, stop) => {
      const relative = await model.change(now, before, stop);
      distances.push(distance(distances, relative, threshold));
      return relative;
    },
  };
}

function distance(earlier: readonly TeaCacheDistance[], relative: number, threshold: number): TeaCacheDistance {
  const last = earlier.at(-1)?.accumulated ?? 0;
  const rescaled = estimatedChange(relative);
  const accumulated = (last >= threshold ? 0 : last) + rescaled;
  return { step: earlier.length + 1, "rel_l1": relative, rescaled, accumulated };
}
