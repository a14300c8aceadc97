/**
 * What a model folder says about itself: `framecast.json` beside the Hugging Face parts. A folder without one is taken for
 * FramePack as published.
 * @module
 */
import { stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { z } from "zod";
import type { RgbImage, VideoPlan } from "../video.ts";
import { CheckpointError, RequestError } from "./errors.ts";
import { readJsonObject } from "./json_file.ts";
import { modelParts, neededFiles, partNames } from "./model_parts.ts";
import { inOrderOfTime } from "./prompts.ts";
import { type GenerationSettings, type ResolvedSettings, schedules } from "./request.ts";
import {
  type LatentRgbMap,
  nearestSize,
  type PictureSize,
  planSections,
  publishedResolution,
  sizesOfResolution,
  sizeStepPx,
  videoPlan,
} from "./sampling/mod.ts";

const positive = z.int().min(1);
const rgb = z.tuple([z.number(), z.number(), z.number()]);

/** `framecast.json`. Keys that only inform people (licence, training notes) are let through. */
const manifestFile = z.object({
  name: z.string().min(1),
  resolution: z.object({ width: positive, height: positive, multiple_of: positive.default(sizeStepPx) }).optional(),
  fps: z.literal(30).default(30),
  latent_window_size: z.int().min(1).max(64).default(9),
  default_steps: z.int().min(1).max(100).default(25),
  guidance: z.object({ embedded: z.number().min(0).max(100), cfg: z.number().min(1).max(30) }).default({
    embedded: 10,
    cfg: 1,
  }),
  schedules: z.array(z.enum(schedules)).min(1).default([...schedules]),
  default_schedule: z.enum(schedules).optional(),
  prompt: z.object({
    template: z.string(),
    crop_start: positive,
    max_length: positive,
    text_padded_length: positive,
  }).partial().default({}),
  latent_rgb: z.object({ factors: z.array(rgb).length(16), bias: rgb }).optional(),
  examples: z.array(z.object({ image: z.string(), prompt: z.string(), title: z.string().optional() })).default([]),
  understands: z.object({
    subjects: z.string(),
    motions: z.array(z.string()).min(1),
    together: z.array(z.string()).default([]),
    speeds: z.array(z.string()).default([]),
    otherwise: z.string(),
  }).optional(),
});

/** A model as requests, estimates and pages need it. */
export interface Manifest {
  readonly name: string;
  /** The only size it was trained for; null for a model with buckets. */
  readonly fixedSize: PictureSize | null;
  /** Widths and heights are multiples of this. */
  readonly sizeMultiplePx: number;
  readonly frameRate: number;
  readonly latentWindowFrames: number;
  readonly defaultSteps: number;
  readonly defaultGuidance: number;
  readonly defaultCfg: number;
  readonly schedules: readonly (typeof schedules)[number][];
  readonly defaultSchedule: (typeof schedules)[number];
  readonly promptTemplate: string | undefined;
  /** Latents → colours of its own autoencoder, for previews; `latentRgbOf` tells what holds without one. */
  readonly latentRgb: LatentRgbMap | undefined;
  /** Image paths are relative to the folder. */
  readonly examples: readonly { readonly image: string; readonly prompt: string; readonly title: string }[];
  /** For whoever writes a prompt; null for a model of no narrow domain. */
  readonly understands: Grammar | null;
}

/** What a model with a narrow domain can be asked for, as the ends of sentences: `jumps up and down`. */
export interface Grammar {
  /** What a start picture should show. */
  readonly subjects: string;
  readonly motions: readonly string[];
  /** Motions at the same time. */
  readonly together: readonly string[];
  /** Words for how fast: `slowly`. */
  readonly speeds: readonly string[];
  /** What becomes of any other prompt, as a sentence. */
  readonly otherwise: string;
}

/**
 * Reads a model folder's description and checks that every part is there.
 * @throws `CheckpointError` naming the file that is missing or wrong
 */
export async function readManifest(modelDir: string): Promise<Manifest> {
  await requireParts(modelDir);
  const path = join(modelDir, "framecast.json");
  const json = await exists(path)
    ? await readJsonObject(path)
    : { name: modelDir.split(/[/\\]/).filter(Boolean).at(-1) };
  const parsed = manifestFile.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    throw new CheckpointError(`Cannot use "${path}": ${issue.path.join(".")}: ${issue.message}`);
  }
  const file = parsed.data;
  return {
    name: file.name,
    fixedSize: file.resolution ? { widthPx: file.resolution.width, heightPx: file.resolution.height } : null,
    sizeMultiplePx: file.resolution?.multiple_of ?? sizeStepPx,
    frameRate: file.fps,
    latentWindowFrames: file.latent_window_size,
    defaultSteps: file.default_steps,
    defaultGuidance: file.guidance.embedded,
    defaultCfg: file.guidance.cfg,
    schedules: file.schedules,
    defaultSchedule: file.default_schedule ?? file.schedules[0]!,
    promptTemplate: file.prompt.template,
    latentRgb: file.latent_rgb,
    examples: file.examples.map((example) => ({ ...example, title: example.title ?? titleOf(example.image) })),
    understands: file.understands ?? null,
  };
}

/**
 * Fills in what the user left out, and settles the size.
 * @param drawnSeed stands in for seed -1
 * @throws `RequestError` for a size or a schedule this model cannot do
 */
export function resolveSettings(
  settings: GenerationSettings,
  manifest: Manifest,
  image: Pick<RgbImage, "widthPx" | "heightPx">,
  drawnSeed: number,
): ResolvedSettings {
  const schedule = settings.schedule ?? manifest.defaultSchedule;
  if (!manifest.schedules.includes(schedule)) {
    throw new RequestError(
      "schedule",
      `The model ${manifest.name} cannot make "${schedule}", only ${manifest.schedules}`,
    );
  }
  const { resolution, shift, ...rest } = settings;
  return {
    ...rest,
    ...resolveSize(resolution, manifest, image),
    ...(shift === undefined ? {} : { shift }),
    promptChanges: inOrderOfTime(settings.promptChanges),
    schedule,
    seed: settings.seed === -1 ? drawnSeed : settings.seed,
    steps: settings.steps ?? manifest.defaultSteps,
    guidance: settings.guidance ?? manifest.defaultGuidance,
    cfg: settings.cfg ?? manifest.defaultCfg,
    windowLatentFrames: settings.windowLatentFrames ?? manifest.latentWindowFrames,
  };
}

/** What a request will make: the same plan the engine tells at its start. */
export function planVideo(settings: ResolvedSettings): VideoPlan {
  return videoPlan(planSections(settings), settings);
}

/** Sizes a page offers: the trained one, or the published ones, squarest first. */
export function offeredSizes({ fixedSize }: Manifest): readonly PictureSize[] {
  if (fixedSize) return [fixedSize];
  const elongation = ({ widthPx, heightPx }: PictureSize) => Math.max(widthPx, heightPx) / Math.min(widthPx, heightPx);
  return sizesOfResolution(publishedResolution).toSorted((a, b) => elongation(a) - elongation(b));
}

function resolveSize(
  resolution: GenerationSettings["resolution"],
  { fixedSize, sizeMultiplePx, name }: Manifest,
  image: Pick<RgbImage, "widthPx" | "heightPx">,
): PictureSize {
  if (typeof resolution === "string") return exactSize(resolution, sizeMultiplePx, name);
  if (resolution === undefined && fixedSize) return fixedSize;
  const sizes = sizesOfResolution(resolution ?? publishedResolution).filter(({ widthPx, heightPx }) =>
    widthPx % sizeMultiplePx === 0 && heightPx % sizeMultiplePx === 0
  );
  if (sizes.length === 0) {
    const message = `${name} has no size at resolution ${resolution} with multiples of ${sizeMultiplePx}`;
    throw new RequestError("resolution", message);
  }
  return nearestSize(image, sizes);
}

function exactSize(resolution: string, multiplePx: number, name: string): PictureSize {
  const [widthPx, heightPx] = resolution.split("x").map(Number) as [number, number];
  const leastPx = 2 * multiplePx;
  const fitting = (px: number) => Math.min(largestSidePx, Math.max(leastPx, Math.ceil(px / multiplePx) * multiplePx));
  if (fitting(widthPx) === widthPx && fitting(heightPx) === heightPx) return { widthPx, heightPx };
  throw new RequestError(
    "resolution",
    `${name} makes widths and heights that are multiples of ${multiplePx}, from ${leastPx} to ${largestSidePx}; ` +
      `got ${resolution}, the next that fits is ${fitting(widthPx)}x${fitting(heightPx)}`,
  );
}

/** As far as the API's `resolution` goes. */
const largestSidePx = 2048;

/** Everything that will be read is there; weights are one file or, sharded, an index. */
async function requireParts(modelDir: string): Promise<void> {
  for (const part of partNames) {
    for (const groups of neededFiles(modelParts[part])) {
      const found = await Promise.all(groups.map((files) => allExist(files.map((file) => join(modelDir, part, file)))));
      if (found.includes(true)) continue;
      throw new CheckpointError(`Cannot use the model folder "${modelDir}": it has no "${part}/${groups[0]![0]}"`);
    }
  }
}

async function allExist(paths: readonly string[]): Promise<boolean> {
  return (await Promise.all(paths.map(exists))).every(Boolean);
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(() => true, () => false);
}

/** `examples/unseen-left-example.png` → `unseen left example`. */
function titleOf(imagePath: string): string {
  return basename(imagePath).replace(/\.\w+$/, "").replaceAll("-", " ");
}
