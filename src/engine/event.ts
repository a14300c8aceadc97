/**
 * What an engine tells while it makes a video.
 * @module
 */
import type { FrameBatch, PreviewClip, VideoPlan } from "../video.ts";

/**
 * When a section is decoded: `between` its own sampling and the next one's, or `overlapped` with the next one's. Sampling and
 * decoding each take one section after the other.
 */
export type DecodeOrder = "between" | "overlapped";

/** Where a video can be gone on with, as if nothing had been between: bit for bit, on the same device. */
export interface ResumePoint {
  /** The last of the sections that are made, counted from 1. */
  readonly section: number;
  /** Latents that later sections look at; the engine's own, to be kept and given back as they are. */
  readonly history: Uint8Array;
}

/** Sections are counted from 1 in making order, steps from 1. */
export type GenerationEvent =
  /** The model's weights and graphs are being made ready; several per generation, none when it is warm. */
  | { readonly kind: "loading"; readonly part: string; readonly done: number; readonly of: number }
  /** What the video is made on, as people call it (`CPU`, `GPU 0`), and what lies where in its memory, one sentence each. */
  | { readonly kind: "device"; readonly device: string; readonly memory: readonly string[] | null }
  /** First of all but `loading` and `device`. */
  | {
    readonly kind: "plan";
    readonly plan: VideoPlan;
    readonly promptTokens: number;
    readonly promptTokensCut: number;
    readonly decode: DecodeOrder;
  }
  | { readonly kind: "sampling"; readonly section: number }
  /** After each denoising step; `skipped` when TeaCache reused the last residual. */
  | {
    readonly kind: "step";
    readonly section: number;
    readonly step: number;
    readonly of: number;
    readonly skipped: boolean;
    readonly seconds: number;
  }
  /** After each step but a section's last, where previews are asked for and the model has a map from latents to colours. */
  | { readonly kind: "preview"; readonly clip: PreviewClip }
  /** The section has its latents. Its frames and its end come before the next one's `sampling`, or among its steps. */
  | { readonly kind: "decoding"; readonly section: number }
  /** After `decoding`: from here the video goes on once the section's frames are there (`GenerationRequest.resume`). */
  | { readonly kind: "resumePoint"; readonly point: ResumePoint }
  /** New pictures. Within a section the final ones come first, then the provisional ones. */
  | { readonly kind: "frames"; readonly section: number; readonly batch: FrameBatch }
  | {
    readonly kind: "sectionDone";
    readonly section: number;
    /** Both from begin to end of that work, whatever is done beside it. */
    readonly samplingSeconds: number;
    readonly decodingSeconds: number;
  };
