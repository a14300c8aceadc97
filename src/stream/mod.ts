/**
 * Frames in, pictures out: the live picture over WebRTC, the frames on disk, and the file. Knows no diffusion.
 * @module
 */
export {
  type ChannelEnd,
  channelEnds,
  type ChannelSourceOptions,
  type ChannelVideo,
  createChannelSource,
} from "./channel_source.ts";
export { type Clock, systemClock } from "./clock.ts";
export * from "./errors.ts";
export { FrameBus, type Overflow, type ReaderOptions } from "./frame_bus.ts";
export { type Footage, VideoFootage } from "./footage.ts";
export { type FrameStore, openFrameStore, type PresentFrames, reopenFrameStore } from "./frame_store.ts";
export type { Codec } from "./access_unit.ts";
export type { ViewerLimits } from "./admission.ts";
export type { PlayoutSegment } from "./live_picture.ts";
export type { LiveStats, RenditionStats, ViewerStats } from "./live_stats.ts";
export type { RenditionCounts } from "./rendition.ts";
export { placeInClip } from "./preview_picture.ts";
export type { Quality } from "./line_quality.ts";
export type { NewsEvent } from "./viewer_news.ts";
export { type AnswerOptions, createLiveStream, type LiveStream, type LiveStreamOptions } from "./live_stream.ts";
export type { PictureSource, TickPicture } from "./picture_source.ts";
export { defaultWaits, frameOfRun, type Run, type View, type ViewChoice, views, type Wait, waits } from "./playout.ts";
export type { NetworkOptions } from "./peer.ts";
export { chooseFileEncoder, type FileEncoder } from "./file_encoder.ts";
export {
  readFrames,
  type RecordingOptions,
  type VideoFileOptions,
  writeRecording,
  writeVideoFile,
} from "./recording.ts";
export { createVideoSource } from "./video_source.ts";
