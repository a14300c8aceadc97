/**
 * The live picture of one session: playout → encoder → packets → viewers.
 * @module
 */
import type { Ffmpeg } from "../ffmpeg.ts";
import type { FrameBatch, RgbImage, VideoPlan } from "../video.ts";
import type { Clock } from "./clock.ts";
import type { FrameStore } from "./frame_store.ts";

/**
 * What a live picture shows. `arrival`: the newest section at once, then that section in a loop. `edge`: every frame
 * in timeline order from the newest section there is, holding the last one while generation is slower; it never skips.
 */
export type View = "arrival" | "edge";
export type Codec = "vp8" | "h264";

/** How viewers find this computer. */
export interface NetworkOptions {
  /** Addresses to offer beside loopback and the computer's own interfaces: a public or NAT address. */
  readonly hostAddresses: readonly string[];
  /** First and last UDP port, one port per viewer; any free port when left out. */
  readonly portRange?: readonly [number, number];
}

export interface LiveStreamOptions {
  readonly plan: VideoPlan;
  /** Shown until frames exist; of the video's size. */
  readonly placeholder: RgbImage;
  /** Tells which frames have become readable in `store`. Push a batch here after its `store.write` has resolved. */
  readonly frames: AsyncIterable<FrameBatch>;
  /** Where the pictures are read from, as long as this stream lives. */
  readonly store: FrameStore;
  readonly ffmpeg: Ffmpeg;
  readonly network: NetworkOptions;
  readonly clock?: Clock;
}

/** From `rtpTimestamp` (90 kHz) on a new frame each 90000/frameRate: `start`, … `end` − 1, then again from `start` when it loops. */
export interface PlayoutSegment {
  readonly view: View;
  readonly codec: Codec;
  readonly rtpTimestamp: number;
  readonly start: number;
  readonly end: number;
  readonly loop: boolean;
}

/** Lives longer than its session's generation: it shows the last frame or loops until disposed. */
export interface LiveStream extends AsyncDisposable {
  /** One viewer more. @throws `OfferError`, `EncoderError` */
  answer(
    offerSdp: string,
    options: { readonly view: View; readonly codec?: Codec },
  ): Promise<{ readonly viewerId: string; readonly answerSdp: string }>;
  /** False when there is no such viewer (any more). */
  removeViewer(viewerId: string): boolean;
  readonly viewers: number;
  /** Which frame is on screen; from this call on. */
  playout(): AsyncIterableIterator<PlayoutSegment>;
}

export function createLiveStream(_options: LiveStreamOptions): LiveStream {
  throw new Error("Not built yet");
}
