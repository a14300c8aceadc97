/**
 * FramePack from picture and prompt to frames, on one page. FramePack 97fe5db, `worker()` of `demo_gradio.py`
 * (inverted) and `demo_gradio_f1.py` (forward): both are this loop under another section plan. A section's history is
 * latents, so the next one can be sampled while its pixels are decoded.
 * @module
 */
import type { PreviewClip } from "../video.ts";
import { beside, inTurn, type Work } from "./beside.ts";
import { conditionsOf } from "./conditioning.ts";
import type { GenerationEvent } from "./event.ts";
import type { FramePackModel } from "./model.ts";
import { roundToBfloat16 } from "./onnx/tensor.ts";
import { promptsOfSections } from "./prompts.ts";
import type { EndFrame, GenerationRequest, ResolvedSettings } from "./request.ts";
import { resizeAndCenterCrop } from "./resample.ts";
import { goOn, pointAfter } from "./resume.ts";
import {
  beginHistory,
  denoise,
  type DenoiseStep,
  extendHistory,
  fluxMu,
  frameBatches,
  type HistoryContext,
  historyContext,
  historyGroups,
  type InputPrecision,
  joinLatentFrames,
  type LatentFrameShape,
  type LatentHistory,
  latentsToDecode,
  muOfShift,
  noisyTokens,
  type PixelClip,
  planSections,
  previewClip,
  type Section,
  sigmaSchedule,
  splitLatentFrames,
  stitch,
  timestepOfSigma,
  torchNormal,
  type VelocityModel,
  videoPlan,
  withTeaCache,
} from "./sampling/mod.ts";
import type { ConditionedTransformer, SectionModel } from "./conditioned_transformer.ts";
import type { SectionContext } from "./transformer.ts";

/** What one section was given and what it became, before decoding; for those who keep or compare it. */
export interface SectionLatents {
  readonly kind: "latents";
  readonly section: Section;
  readonly context: HistoryContext<Float32Array>;
  /** `[16, latentFrames, height, width]` */
  readonly latents: Float32Array;
}

const latentChannels = 16;

/**
 * Makes one video.
 * @param precision in which everything enters the transformer; the published models run in bfloat16
 * @throws RequestError, InferenceError; the signal's reason when stopped
 */
export async function* generateVideo(
  model: FramePackModel,
  { image, settings, end, resume }: Pick<GenerationRequest, "image" | "settings" | "end" | "resume">,
  signal: AbortSignal,
  precision: InputPrecision = "bfloat16",
): AsyncGenerator<GenerationEvent | SectionLatents> {
  const frameShape = latentFrameShape(settings);
  const sections = planSections(settings);

  const picture = resizeAndCenterCrop(image, settings.widthPx, settings.heightPx);
  const plan = videoPlan(sections, settings);
  const prompts = promptsOfSections(settings, plan.sections);
  const wanted = prompts.slice(resume?.section ?? 0);
  using conditions = await conditionsOf(model, picture, wanted, settings, precision, signal);
  const { promptTokens, promptTokensCut } = conditions;
  yield { kind: "plan", plan, promptTokens, promptTokensCut, decode: model.decode };

  const normal = torchNormal(settings.seed);
  const start = await model.vae.encodeImage(picture, signal);
  const first = beginHistory(settings.schedule, start, end ? await endLatentOf(model, end, settings, signal) : null);
  const made = sections.slice(0, resume?.section ?? 0);
  const legacy = resume
    ? await goOn(model, first, made.at(-1), resume, frameShape, signal)
    : { history: first, pending: null };
  let { history } = legacy;
  const drawNoise = () => normal(latentChannels * settings.windowLatentFrames * frameShape.height * frameShape.width);
  for (const _ of made) drawNoise(); // each section's follows that of the one before it
  const decodeSection = sectionDecoder(model, frameShape, legacy.pending);
  const together = model.decode === "overlapped" ? beside : inTurn;
  let decoding: Work<GenerationEvent> = (signal) => rehearsal(model, settings, signal);

  for (const section of sections.slice(made.length)) {
    const context = historyContext(history);
    const noise = drawNoise();
    const place = sectionContext(section, context, frameShape, precision);
    const preview = previewOf(model, section, history, settings);
    const positive = conditions.under(prompts[section.section - 1]!);
    const inputs = { positive, negative: conditions.negative, place, noise, settings, precision, preview };
    const sampling: Work<GenerationEvent, SampledSection> = (signal) => sampleSection(section, inputs, signal);
    const { latents, samplingSeconds } = yield* together(decoding, sampling, signal);

    yield { kind: "decoding", section: section.section };
    yield { kind: "latents", section, context: filled(context, frameShape), latents };
    history = extendHistory(history, section, splitLatentFrames(latents, frameShape));
    const window = joinLatentFrames(latentsToDecode(history, section), frameShape);
    yield { kind: "resumePoint", point: pointAfter(section, history, frameShape) };
    decoding = (signal) => decodeSection(section, { window, samplingSeconds }, signal);
  }
  yield* decoding(signal);
}

/**
 * The end picture as a latent frame, weakened by its strength. FramePack-Studio `worker.py` and FramePack-eichi
 * `endframe_ichi.py` put it where the frame behind the first section would be.
 */
async function endLatentOf(
  { vae }: FramePackModel,
  { image, strength }: EndFrame,
  { widthPx, heightPx }: ResolvedSettings,
  signal: AbortSignal,
): Promise<Float32Array> {
  const latent = await vae.encodeImage(resizeAndCenterCrop(image, widthPx, heightPx), signal);
  return latent.map((value) => value * strength);
}

interface SamplingInputs {
  readonly positive: ConditionedTransformer;
  readonly negative: ConditionedTransformer | null;
  readonly place: SectionContext;
  /** `[16, latentFrames, height, width]` */
  readonly noise: Float32Array;
  readonly settings: ResolvedSettings;
  readonly precision: InputPrecision;
  readonly preview: ((step: DenoiseStep) => PreviewClip) | null;
}

interface SampledSection {
  /** `[16, latentFrames, height, width]` */
  readonly latents: Float32Array;
  readonly samplingSeconds: number;
}

/** Noise → latents of one section, telling of every step. */
async function* sampleSection(
  { section, windowLatentFrames }: Section,
  { positive, negative, place, noise, settings, precision, preview }: SamplingInputs,
  signal: AbortSignal,
): AsyncGenerator<GenerationEvent, SampledSection> {
  const clock = stopwatch();
  yield { kind: "sampling", section };
  const sigmas = sigmaSchedule(settings.steps, mu(settings, windowLatentFrames, latentFrameShape(settings)));
  const timesteps = [...sigmas.subarray(0, -1)].map((sigma) => timestepOfSigma(sigma, precision));
  await positive.prepare(timesteps, signal);
  await negative?.prepare(timesteps, signal);
  using wanted = await positive.section(place, signal);
  using unwanted = await negative?.section(place, signal);
  const steps = denoise({
    noise,
    sigmas,
    positive: velocityModel(wanted, settings),
    guidance: unwanted === undefined ? null : {
      negative: velocityModel(unwanted, settings),
      cfg: settings.cfg,
      rescale: settings.cfgRescale,
    },
    precision,
  }, signal);
  let latents = noise;
  for await (const done of steps) {
    const { step, of, denoised, skipped } = done;
    latents = denoised;
    yield { kind: "step", section, step, of, skipped, seconds: clock.lap() };
    if (preview !== null && step < of) yield { kind: "preview", clip: preview(done) };
  }
  return { latents, samplingSeconds: clock.total() };
}

/** In place of a section before the first: no step is taken in vain where there is no memory to decode it. */
// deno-lint-ignore require-yield -- it has nothing to tell
async function* rehearsal(
  { vae, rehearses }: FramePackModel,
  settings: ResolvedSettings,
  signal: AbortSignal,
): AsyncGenerator<never, void> {
  if (rehearses) await vae.rehearse(latentFrameShape(settings), settings.windowLatentFrames, signal);
}

interface SectionToDecode {
  /** What the section hands to the decoder `[16, latentFrames, height, width]`. */
  readonly window: Float32Array;
  readonly samplingSeconds: number;
}

/** Latents → frames, section after section: what one leaves provisional is blended with the next one's. */
function sectionDecoder({ vae }: FramePackModel, frameShape: LatentFrameShape, provisional: PixelClip | null) {
  let pending = provisional;
  return async function* (
    section: Section,
    { window, samplingSeconds }: SectionToDecode,
    signal: AbortSignal,
  ): AsyncGenerator<GenerationEvent, void> {
    const clock = stopwatch();
    const decoded = await vae.decode(window, frameShape, signal);
    const stitched = stitch(section, decoded, pending);
    pending = stitched.provisional;
    for (const batch of frameBatches(section, stitched)) yield { kind: "frames", section: section.section, batch };
    yield { kind: "sectionDone", section: section.section, samplingSeconds, decodingSeconds: clock.total() };
  };
}

/** How to show a step of this section, where that is wanted and possible. */
function previewOf(
  { latentRgb }: FramePackModel,
  section: Section,
  history: LatentHistory<Float32Array>,
  settings: ResolvedSettings,
): SamplingInputs["preview"] {
  if (!settings.previews || latentRgb === null) return null;
  return (step) => previewClip(section, history, step, latentFrameShape(settings), latentRgb);
}

/** The autoencoder makes one latent pixel of 8 × 8. */
export function latentFrameShape(
  { widthPx, heightPx }: Pick<ResolvedSettings, "widthPx" | "heightPx">,
): LatentFrameShape {
  return { channels: latentChannels, height: heightPx / 8, width: widthPx / 8 };
}

function mu({ shift }: ResolvedSettings, windowLatentFrames: number, { height, width }: LatentFrameShape): number {
  return shift === undefined ? fluxMu(noisyTokens(windowLatentFrames, height, width)) : muOfShift(shift);
}

/** The transformer of one section, with TeaCache where it is asked for. */
function velocityModel(model: SectionModel, { steps, teaCacheThreshold }: ResolvedSettings): VelocityModel {
  // A threshold of 0 is never fallen short of: every step is computed.
  return withTeaCache(model, { steps, threshold: teaCacheThreshold });
}

/** The history as the transformer takes it. */
function sectionContext(
  { windowLatentFrames, indices }: Section,
  context: HistoryContext<Float32Array>,
  frameShape: LatentFrameShape,
  precision: InputPrecision,
): SectionContext {
  const latents = (frames: readonly (Float32Array | null)[]) => {
    const joined = joinLatentFrames(frames, frameShape);
    return precision === "bfloat16" ? roundToBfloat16(joined) : joined;
  };
  return {
    shape: {
      window: [windowLatentFrames, frameShape.height, frameShape.width],
      history: { "1x": 1 + historyGroups.clean1x, "2x": historyGroups.clean2x, "4x": historyGroups.clean4x },
    },
    indices,
    history: { "1x": latents(context.clean1x), "2x": latents(context.clean2x), "4x": latents(context.clean4x) },
  };
}

function filled(context: HistoryContext<Float32Array>, shape: LatentFrameShape): HistoryContext<Float32Array> {
  const fill = (frames: readonly (Float32Array | null)[]) =>
    frames.map((frame) => frame ?? new Float32Array(shape.channels * shape.height * shape.width));
  return { clean1x: fill(context.clean1x), clean2x: fill(context.clean2x), clean4x: fill(context.clean4x) };
}

function stopwatch() {
  const start = performance.now();
  let lapStart = start;
  return {
    total: () => (performance.now() - start) / 1000,
    lap: () => {
      const now = performance.now();
      const seconds = (now - lapStart) / 1000;
      lapStart = now;
      return seconds;
    },
  };
}
