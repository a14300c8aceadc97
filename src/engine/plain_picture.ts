/**
 * What stands in for a start picture where a video is to be made from words alone. FramePack-Studio offers these four
 * (`worker.py`, "latent type"), musubi-tuner takes black; the networks get them like any picture. Pure.
 * @module
 */
import type { RgbImage } from "../video.ts";
import type { PlainStart } from "./request.ts";
import { mersenneTwister } from "./sampling/mersenne_twister.ts";

const colours = { black: [0, 0, 0], white: [255, 255, 255], green: [0, 255, 0] } as const;

/** One colour, or noise that follows from the seed: each byte equally likely. */
export function plainPicture(
  start: PlainStart,
  { widthPx, heightPx, seed }: { readonly widthPx: number; readonly heightPx: number; readonly seed: number },
): RgbImage {
  const bytes = 3 * widthPx * heightPx;
  if (start !== "noise") {
    const colour = colours[start];
    return { widthPx, heightPx, pixels: Uint8Array.from({ length: bytes }, (_, i) => colour[i % 3]!) };
  }
  const next32 = mersenneTwister(seed);
  return { widthPx, heightPx, pixels: Uint8Array.from({ length: bytes }, () => next32() >>> 24) };
}
