/**
 * The currency between the engine and everything that shows or stores pictures. Types only; imports nothing.
 * @module
 */

/** How raw pictures lie: size in pixels and pictures per second of video. */
export interface VideoFormat {
  readonly widthPx: number;
  readonly heightPx: number;
  /** Frames per second; FramePack makes 30. */
  readonly frameRate: number;
}

/** Half-open range of frames `[start, end)` on the video's own timeline. */
export interface FrameRange {
  readonly start: number;
  readonly end: number;
}

/** `provisional`: sent again once, blended. `final`: equal to the file. */
export type FrameState = "provisional" | "final";

/** Consecutive frames. */
export interface FrameBatch {
  /** Place on the video's own timeline, not order of arrival. */
  readonly firstFrameIndex: number;
  /** RGB24 `[frames, heightPx, widthPx, 3]`. */
  readonly pixels: Uint8Array;
  /** A provisional frame is sent again, once, when its neighbouring section has been decoded; a final one never changes. */
  readonly state: FrameState;
}

/** What a section would become if all noise left were removed now: a small moving estimate, made after a step. */
export interface PreviewClip {
  /** The section's new frames and, at a joint, the neighbour's next one, which exists already. */
  readonly range: FrameRange;
  /** Counted from 1 in making order. */
  readonly section: number;
  /** The step it was made after, counted from 1, and how many the section has. */
  readonly step: number;
  readonly of: number;
  /** Small: FramePack's is an eighth of the video's, one pixel per latent pixel. */
  readonly widthPx: number;
  readonly heightPx: number;
  /** Spread evenly over `range`: the first picture is its first frame, the last its last. */
  readonly pictures: number;
  /** RGB24 `[pictures, heightPx, widthPx, 3]`. */
  readonly pixels: Uint8Array;
}

/** One still picture, RGB24 `[heightPx, widthPx, 3]`, upright, in sRGB, without alpha. */
export interface RgbImage {
  readonly widthPx: number;
  readonly heightPx: number;
  readonly pixels: Uint8Array;
}

/** What will be made, known before the first step. */
export interface VideoPlan {
  readonly format: VideoFormat;
  /** Length of the finished video, 36 n + 1 for n sections of 9 latent frames. */
  readonly frames: number;
  /** In making order. Together they cover `[0, frames)` without gap or overlap. */
  readonly sections: readonly FrameRange[];
}
