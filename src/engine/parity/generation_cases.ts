/**
 * Golden cases of the whole pipeline: picture, prompt and seed in, frames out.
 * @module
 */
import { conditionsOf } from "../conditioning.ts";
import { generateVideo, latentFrameShape, type SectionLatents } from "../generate.ts";
import { loadModel } from "../model.ts";
import type { GenerationEvent } from "../event.ts";
import type { ResolvedSettings, Schedule } from "../request.ts";
import { resizeAndCenterCrop } from "../resample.ts";
import { type InputPrecision, joinLatentFrames } from "../sampling/mod.ts";
import type { RgbImage } from "../../video.ts";
import type { CaseOutputs } from "./compare.ts";
import type { GoldenCase, GoldenTensor } from "./golden_case.ts";
import type { ComponentRunner } from "./component.ts";
import { caseRuntime } from "./transformer_cases.ts";

export const generationCases: Readonly<Record<string, ComponentRunner>> = { generation: generationCase };

async function generationCase({ modelDir, params, inputs }: GoldenCase): Promise<CaseOutputs> {
  const settings = settingsOf(params);
  const precision = params["io_dtype"] as InputPrecision;
  const picture = inputs["image"]!;
  const [heightPx, widthPx] = picture.shape as [number, number, number];
  const image: RgbImage = { heightPx, widthPx, pixels: picture.data as Uint8Array };
  const signal = new AbortController().signal;
  await using model = await loadModel(modelDir!, caseRuntime(), {
    device: { kind: "cpu" },
    idleThreads: "sleep",
    spatialTiles: params["vae_spatial_tiling"] ? "tiled" : "whole",
  });
  const events = await Array.fromAsync(generateVideo(model, { image, settings }, signal, precision));
  const sections = events.filter((event) => event.kind === "latents");

  const cropped = resizeAndCenterCrop(image, settings.widthPx, settings.heightPx);
  using conditions = await conditionsOf(model, cropped, [settings.prompt], settings, precision, signal);
  const { text, pooled, image: seen } = conditions.under(settings.prompt).conditions;
  const frameShape = latentFrameShape(settings);
  const startLatent = await model.vae.encodeImage(cropped, signal);
  return {
    tensors: {
      start_latent: { shape: [1, 16, 1, frameShape.height, frameShape.width], data: startLatent },
      image_embeddings: { ...seen, shape: [1, ...seen.shape] },
      prompt_embeds: { ...text, shape: [1, ...text.shape] },
      prompt_poolers: pooled,
      ...Object.assign({}, ...sections.map((event, index) => sectionTensors(event, index, settings))),
      frames: framesTensor(events, settings),
    },
    expect: {
      sections: sections.length,
      latent_indices: sections.map(({ section }) => section.indices.noisy),
      clean_latent_indices: sections.map(({ section }) => section.indices.clean1x),
      block_runs_per_section: blockRuns(events, settings),
      pixel_frames: framesTensor(events, settings).shape[0],
    },
  };
}

function settingsOf(params: GoldenCase["params"]): ResolvedSettings {
  const number = (name: string) => params[name] as number;
  return {
    prompt: params["prompt"] as string,
    promptChanges: [],
    negativePrompt: params["negative_prompt"] as string,
    durationSeconds: number("total_second_length"),
    seed: number("seed"),
    steps: number("steps"),
    guidance: number("distilled_guidance_scale"),
    cfg: number("cfg"),
    cfgRescale: number("guidance_rescale"),
    schedule: scheduleNames[params["schedule"] as keyof typeof scheduleNames],
    windowLatentFrames: number("latent_window_size"),
    teaCacheThreshold: params["use_teacache"] ? number("rel_l1_thresh") : 0,
    previews: false,
    widthPx: number("width"),
    heightPx: number("height"),
  };
}

const scheduleNames = { original: "inverted", f1: "forward" } as const satisfies Record<string, Schedule>;

function sectionTensors(
  { context, latents }: SectionLatents,
  index: number,
  settings: ResolvedSettings,
): Record<string, GoldenTensor> {
  const frameShape = latentFrameShape(settings);
  const size = [frameShape.height, frameShape.width];
  const windowFrames = latents.length / (16 * size[0]! * size[1]!);
  const window = { shape: [1, 16, windowFrames, ...size], data: latents };
  const group = (frames: readonly (Float32Array | null)[]): GoldenTensor => ({
    shape: [1, 16, frames.length, ...size],
    data: joinLatentFrames(frames, frameShape),
  });
  return {
    [`section${index}.latents`]: window,
    [`section${index}.latents_fp64`]: window,
    [`section${index}.clean_latents`]: group(context.clean1x),
    [`section${index}.clean_latents_2x`]: group(context.clean2x),
    [`section${index}.clean_latents_4x`]: group(context.clean4x),
  };
}

/** The file's frames: a frame that was sent again counts as sent last. */
function framesTensor(
  events: readonly (GenerationEvent | SectionLatents)[],
  { widthPx, heightPx }: ResolvedSettings,
): GoldenTensor {
  const plan = events.find((event) => event.kind === "plan")!.plan;
  const data = new Uint8Array(plan.frames * heightPx * widthPx * 3);
  for (const event of events) {
    if (event.kind === "frames") data.set(event.batch.pixels, event.batch.firstFrameIndex * heightPx * widthPx * 3);
  }
  return { shape: [plan.frames, heightPx, widthPx, 3], data };
}

/** Forward passes through the blocks: true guidance takes two per step. */
function blockRuns(events: readonly (GenerationEvent | SectionLatents)[], { cfg }: ResolvedSettings): number[] {
  const runs: number[] = [];
  for (const event of events) {
    if (event.kind !== "step" || event.skipped) continue;
    runs[event.section - 1] = (runs[event.section - 1] ?? 0) + (cfg === 1 ? 1 : 2);
  }
  return runs;
}
