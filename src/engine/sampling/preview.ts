/**
 * A cheap look at unfinished latents: a linear map from 16 latent channels to RGB at 1/8 of the size.
 *
 * FramePack 97fe5db, `hunyuan.py` `vae_decode_fake`; the map is ComfyUI's for HunyuanVideo.
 * @module
 */
import type { LatentFrameShape } from "./history.ts";

/** One row per latent channel: its share in red, green and blue. */
const rgbOfChannel = [
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
] as const;
const rgbBias = [0.0259, -0.0192, -0.0761] as const;

/** Latents [1, 16, latentFrames, height, width] → [3, latentFrames, height, width], each within 0 and 1. */
export function previewRgb(latents: Float32Array): Float32Array {
  const size = latents.length / rgbOfChannel.length;
  const rgb = new Float32Array(3 * size);
  for (let i = 0; i < size; i++) {
    for (let color = 0; color < 3; color++) {
      let value: number = rgbBias[color]!;
      for (let channel = 0; channel < rgbOfChannel.length; channel++) {
        value += latents[channel * size + i]! * rgbOfChannel[channel]![color]!;
      }
      rgb[color * size + i] = Math.min(Math.max(value, 0), 1);
    }
  }
  return rgb;
}

/** The same as RGB24 [latentFrames, height, width, 3], truncated. */
export function previewFrames(latents: Float32Array, { height, width }: LatentFrameShape): Uint8Array {
  const rgb = previewRgb(latents);
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
