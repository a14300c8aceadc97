/**
 * What an engine tells while it makes a video.
 * @module
 */
import type { FrameBatch, PreviewClip, VideoPlan } from "../video.ts";

/** Sections are counted from 1 in making order, steps from 1. */
export type GenerationEvent =
  /** The model's weights and graphs are being made ready; several per generation, none when it is warm. */
  | { readonly kind: "loading"; readonly part: string; readonly done: number; readonly of: number }
  /** What the video is made on, as people call it (`CPU`, `GPU 0`), and what lies where in its memory, one sentence each. */
  | { readonly kind: "device"; readonly device: string; readonly memory: readonly string[] | null }
  /** First of all but `loading` and `device`. */
  | { readonly kind: "plan"; readonly plan: VideoPlan; readonly promptTokens: number; readonly promptTokensCut: number }
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
  | { readonly kind: "decoding"; readonly section: number }
  /** New pictures. Within a section the final ones come first, then the provisional ones. */
  | { readonly kind: "frames"; readonly section: number; readonly batch: FrameBatch }
  | {
    readonly kind: "sectionDone";
    readonly section: number;
    readonly samplingSeconds: number;
    readonly decodingSeconds: number;
  };
