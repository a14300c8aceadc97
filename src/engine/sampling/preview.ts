/**
 * A cheap look at unfinished latents: a linear map from 16 latent channels to RGB at 1/8 of the size.
 *
 * FramePack 97fe5db, `hunyuan.py` `vae_decode_fake`.
 * @module
 */
import type { FrameRange, PreviewClip } from "../../video.ts";
import type { DenoiseStep } from "./denoise.ts";
import {
  extendHistory,
  joinLatentFrames,
  type LatentFrameShape,
  type LatentHistory,
  latentsToDecode,
  splitLatentFrames,
} from "./history.ts";
import type { Section } from "./section_plan.ts";

type Rgb = readonly [red: number, green: number, blue: number];

/** Colours between 0 and 1 as a linear function of latents, fitted to one autoencoder. */
export interface LatentRgbMap {
  /** One row per latent channel, 16 of them: its share in red, green and blue. */
  readonly factors: readonly Rgb[];
  readonly bias: Rgb;
}

/** HunyuanVideo's autoencoder; the numbers are those of ComfyUI's `latent_formats.py`, `HunyuanVideo`, as in FramePack. */
export const hunyuanVideoRgb: LatentRgbMap = {
  factors: [
    [-0.0395, -0.0331, 0.0445],
    [0.0696, 0.0795, 0.0518],
    [0.0135, -0.0945, -0.0282],
    [0.0108, -0.0250, -0.0765],
    [-0.0209, 0.0032, 0.0224],
    [-0.0804, -0.0254, -0.0639],
    [-0.0991, 0.0271, -0.0669],
    [-0.0646, -0.0422, -0.0400],
    [-0.0696, -0.0595, -0.0894],
    [-0.0799, -0.0208, -0.0375],
    [0.1166, 0.1627, 0.0962],
    [0.1165, 0.0432, 0.0407],
    [-0.2315, -0.1920, -0.1355],
    [-0.0270, 0.0401, -0.0821],
    [-0.0616, -0.0997, -0.0727],
    [0.0249, -0.0469, -0.1703],
  ],
  bias: [0.0259, -0.0192, -0.0761],
};

/**
 * Which frames a section's previews stand for. Their pictures lie 4 frames apart: the decoder gives the first of its
 * latent frames one frame and each other one four, of which the last is the picture's place. The first picture is the one
 * at or right before the section's first new frame, the last the one at or right after its last new frame. So the range
 * covers `newFrames`, and exceeds it by at most one frame, which exists already, at a joint.
 */
export function previewRange({ decodedFrames: { start }, newFrames }: Section): FrameRange {
  return {
    start: start + 4 * Math.floor((newFrames.start - start) / 4),
    end: start + 4 * Math.ceil((newFrames.end - 1 - start) / 4) + 1,
  };
}

/**
 * What a section looks like after one of its steps, with one picture per latent frame of `previewRange`: the window, the
 * start frame where the section reaches it, and at a joint the neighbour's nearest latent frame, without which three new
 * frames would lie between two clips. A picture shows the mean of its 4 frames.
 * @param history before this section
 */
export function previewClip(
  section: Section,
  history: LatentHistory<Float32Array>,
  { step, of, denoised }: Pick<DenoiseStep, "step" | "of" | "denoised">,
  shape: LatentFrameShape,
  map: LatentRgbMap,
): PreviewClip {
  const range = previewRange(section);
  const decoded = latentsToDecode(extendHistory(history, section, splitLatentFrames(denoised, shape)), section);
  const indexOf = (frame: number) => (frame - section.decodedFrames.start) / 4;
  const shown = decoded.slice(indexOf(range.start), indexOf(range.end - 1) + 1);
  return {
    range,
    section: section.section,
    step,
    of,
    widthPx: shape.width,
    heightPx: shape.height,
    pictures: shown.length,
    pixels: previewFrames(joinLatentFrames(shown, shape), shape, map),
  };
}

/** Latents [1, 16, latentFrames, height, width] → [3, latentFrames, height, width], each within 0 and 1. */
export function previewRgb(latents: Float32Array, { factors, bias }: LatentRgbMap): Float32Array {
  const size = latents.length / factors.length;
  const rgb = new Float32Array(3 * size);
  for (let color = 0; color < 3; color++) {
    const plane = new Float64Array(size).fill(bias[color]!);
    for (let channel = 0; channel < factors.length; channel++) {
      const factor = factors[channel]![color]!;
      const values = latents.subarray(channel * size, (channel + 1) * size);
      for (let i = 0; i < size; i++) plane[i]! += values[i]! * factor;
    }
    for (let i = 0; i < size; i++) rgb[color * size + i] = Math.min(Math.max(plane[i]!, 0), 1);
  }
  return rgb;
}

/** The same as RGB24 [latentFrames, height, width, 3], truncated. */
export function previewFrames(
  latents: Float32Array,
  { height, width }: LatentFrameShape,
  map: LatentRgbMap,
): Uint8Array {
  const rgb = previewRgb(latents, map);
  const size = rgb.length / 3;
  if (!Number.isInteger(size / (height * width))) {
    throw new RangeError(`Cannot make previews ${width}x${height} of ${size} latent pixels`);
  }
  const pixels = new Uint8Array(rgb.length);
  for (let i = 0; i < size; i++) {
    for (let color = 0; color < 3; color++) pixels[3 * i + color] = Math.fround(rgb[color * size + i]! * 255);
  }
  return pixels;
}
