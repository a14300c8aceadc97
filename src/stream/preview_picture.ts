/**
 * A preview clip as pictures of the video's size: small pictures, blended in time and enlarged, with a line that marks
 * them as a preview. Pure.
 * @module
 */
import type { PreviewClip, VideoFormat } from "../video.ts";
import { accent, type Canvas, fillRectangle, stage } from "./drawing.ts";

/** RGB24 `[heightPx, widthPx, 3]` of one frame of a clip's range; the same object as long as that is the same picture. */
export interface PreviewPainter {
  paint(clip: PreviewClip, frameIndex: number): Uint8Array;
}

export function createPreviewPainter(format: VideoFormat): PreviewPainter {
  let shown: { readonly clip: PreviewClip; readonly frameIndex: number; readonly pixels: Uint8Array } | undefined;
  return {
    paint(clip, frameIndex) {
      if (shown?.clip === clip && shown.frameIndex === frameIndex) return shown.pixels;
      const pixels = enlarge(pictureAt(clip, frameIndex), clip, format);
      markProgress({ ...format, pixels }, clip.step / clip.of);
      shown = { clip, frameIndex, pixels };
      return pixels;
    },
  };
}

/** Where a frame of a clip's range, or the one nearest to it, lies in its row of pictures: 0 to `pictures` − 1. */
export function placeInClip({ range, pictures }: PreviewClip, frameIndex: number): number {
  const lastFrame = Math.max(1, range.end - range.start - 1);
  return Math.min(pictures - 1, Math.max(0, (frameIndex - range.start) / lastFrame * (pictures - 1)));
}

/** The small picture of a frame, values 0 to 255, `[heightPx, widthPx, 3]`: linear between the two nearest in time. */
function pictureAt(clip: PreviewClip, frameIndex: number): Float32Array {
  const { pictures, widthPx, heightPx, pixels } = clip;
  const values = widthPx * heightPx * 3;
  const place = placeInClip(clip, frameIndex);
  const before = Math.min(pictures - 1, Math.floor(place));
  const first = pixels.subarray(before * values, (before + 1) * values);
  const second = before + 1 < pictures ? pixels.subarray((before + 1) * values, (before + 2) * values) : first;
  const weight = place - before;
  const picture = new Float32Array(values);
  for (let i = 0; i < values; i++) picture[i] = first[i]! + (second[i]! - first[i]!) * weight;
  return picture;
}

interface Size {
  readonly widthPx: number;
  readonly heightPx: number;
}

/** Bilinear, pixel centres on pixel centres. Rows are widened once, then mixed: one multiplication per value. */
function enlarge(small: Float32Array, from: Size, to: Size): Uint8Array {
  const rowValues = to.widthPx * 3;
  const wide = new Float32Array(from.heightPx * rowValues);
  for (let x = 0; x < to.widthPx; x++) {
    const { first, second, weight } = neighbours(x, to.widthPx, from.widthPx);
    for (let y = 0; y < from.heightPx; y++) {
      const row = y * from.widthPx;
      for (let channel = 0; channel < 3; channel++) {
        const a = small[(row + first) * 3 + channel]!;
        const b = small[(row + second) * 3 + channel]!;
        wide[y * rowValues + x * 3 + channel] = a + (b - a) * weight + 0.5; // for rounding, when it becomes a byte
      }
    }
  }
  const pixels = new Uint8Array(to.heightPx * rowValues);
  for (let y = 0; y < to.heightPx; y++) {
    const { first, second, weight } = neighbours(y, to.heightPx, from.heightPx);
    const above = wide.subarray(first * rowValues, (first + 1) * rowValues);
    const below = wide.subarray(second * rowValues, (second + 1) * rowValues);
    const row = pixels.subarray(y * rowValues, (y + 1) * rowValues);
    for (let i = 0; i < rowValues; i++) row[i] = above[i]! + (below[i]! - above[i]!) * weight;
  }
  return pixels;
}

/** Which two of `from` samples a sample of `to` lies between, and how near to the second. */
function neighbours(index: number, to: number, from: number): { first: number; second: number; weight: number } {
  const place = Math.min(from - 1, Math.max(0, (index + 0.5) * from / to - 0.5));
  const first = Math.floor(place);
  return { first, second: Math.min(from - 1, first + 1), weight: place - first };
}

/** At the bottom edge: how many of the section's steps are done. It is in the picture, so every viewer sees it. */
function markProgress(picture: Canvas, fraction: number): void {
  const { widthPx, heightPx } = picture;
  const lineHeight = Math.max(2, Math.round(Math.min(widthPx, heightPx) / 128));
  const line = { x: 0, y: heightPx - lineHeight, width: widthPx, height: lineHeight };
  fillRectangle(picture, line, stage, 0.6);
  fillRectangle(picture, { ...line, width: Math.max(1, Math.round(widthPx * fraction)) }, accent);
}
