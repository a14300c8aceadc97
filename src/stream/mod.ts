/**
 * Frames in, pictures out: the live picture over WebRTC, the frames on disk, and the file. Knows no diffusion.
 * @module
 */
export { type Clock, systemClock } from "./clock.ts";
export * from "./errors.ts";
export { FrameBus, type Overflow, type ReaderOptions } from "./frame_bus.ts";
export { type FrameStore, openFrameStore } from "./frame_store.ts";
export {
  type Codec,
  createLiveStream,
  type LiveStream,
  type LiveStreamOptions,
  type NetworkOptions,
  type PlayoutSegment,
  type View,
} from "./live_stream.ts";
export { type RecordingOptions, writeRecording } from "./recording.ts";
