/**
 * FramePack as a library: a picture and a prompt become frames. No HTTP, no WebRTC, no files but weights.
 * @module
 */
import type { GenerationEvent } from "./event.ts";
import type { GenerationRequest } from "./request.ts";

/** Makes videos, one at a time. */
export interface Engine extends AsyncDisposable {
  /**
   * Makes one video. Ends after its last frames.
   * @throws the signal's reason when stopped; `CheckpointError`, `InferenceError`, `EngineLostError`, `RequestError`
   */
  generate(request: GenerationRequest, signal: AbortSignal): AsyncIterable<GenerationEvent>;
  /** Makes a model's graphs ready, so that the next `generate` starts at once. */
  warm(modelDir: string, signal: AbortSignal): AsyncIterable<GenerationEvent>;
}

export type { DecodeOrder, GenerationEvent, ResumePoint } from "./event.ts";
export * from "./errors.ts";
export { type Manifest, offeredSizes, planVideo, readManifest, resolveSettings } from "./manifest.ts";
export { type LoraFile, loraName } from "./lora/adapter_file.ts";
export { type AvailableLora, LoraLibrary } from "./lora/lora_library.ts";
export { inspectWeights, type WeightsReport } from "./model_inspection.ts";
export { modelParts, type PartName, partNames } from "./model_parts.ts";
export { plainPicture } from "./plain_picture.ts";
export { changedAfter } from "./prompts.ts";
export * from "./request.ts";
