/**
 * FramePack's sampler, pure: what to make in which order, from noise to latents to blended frames. No network, no I/O, no
 * clock, no randomness but a generator passed in.
 * @module
 */
export {
  denoise,
  type DenoiseOptions,
  type DenoiseStep,
  predictDenoised,
  type TrueGuidance,
  type VelocityModel,
} from "./denoise.ts";
export { denoisedOfVelocity, guidedVelocity } from "./guidance.ts";
export {
  beginHistory,
  extendHistory,
  type HistoryContext,
  historyContext,
  joinLatentFrames,
  type LatentFrameShape,
  type LatentHistory,
  latentsToDecode,
  splitLatentFrames,
} from "./history.ts";
export { type NormalGenerator, torchNormal } from "./noise.ts";
export { hunyuanVideoRgb, type LatentRgbMap, previewClip, previewFrames, previewRange, previewRgb } from "./preview.ts";
export {
  nearestSize,
  type PictureSize,
  publishedResolution,
  publishedSizesOf,
  sizesOfResolution,
  sizeStepPx,
} from "./resolution.ts";
export {
  fluxMu,
  guidanceInput,
  type InputPrecision,
  linspace,
  muOfShift,
  noisyTokens,
  sigmaSchedule,
  timestepOfSigma,
} from "./schedule.ts";
export {
  contextLatentFrames,
  frameRate,
  framesOfLatents,
  historyGroups,
  latentPaddings,
  type PlanOptions,
  planSections,
  type Section,
  sectionCount,
  type TimeIndices,
  videoPlan,
} from "./section_plan.ts";
export { sinusoid, sinusoidChannels } from "./sinusoid.ts";
export { frameBatches, type PixelClip, rgb24, softAppend, stitch, type Stitched } from "./stitch.ts";
export {
  type CacheableModel,
  estimatedChange,
  relativeChange,
  type TeaCacheOptions,
  withTeaCache,
} from "./tea_cache.ts";
export { type DenoisedModel, unipc, type UniPcStep, type UniPcVariant } from "./unipc.ts";
