/**
 * Final frames in timeline order → MP4.
 * @module
 */
import type { Ffmpeg } from "../ffmpeg.ts";
import type { FrameRange, VideoPlan } from "../video.ts";
import type { FrameStore } from "./frame_store.ts";

export interface RecordingOptions {
  readonly store: FrameStore;
  /** Frames of the file, all of them final. */
  readonly range: FrameRange;
  readonly plan: VideoPlan;
  readonly file: string;
  /** Text for the comment tag. */
  readonly recipe?: string;
  readonly ffmpeg: Ffmpeg;
}

/** H.264 yuv420p MP4, faststart, bt709, written beside `file` and renamed when complete. @throws `RecordingError`, the signal's reason */
export function writeRecording(
  _options: RecordingOptions,
  _signal: AbortSignal,
): Promise<{ readonly frames: number; readonly sizeBytes: number }> {
  return Promise.reject(new Error("Not built yet"));
}
