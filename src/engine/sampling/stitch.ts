/**
 * Decoded sections become frames of the video: neighbours are blended over the frames they share.
 *
 * FramePack 97fe5db, `utils.py` `soft_append_bcthw` and `save_bcthw_as_mp4`, and the `history_pixels` of both demos.
 * Of the pixels only those are kept that the next section blends, so memory does not grow with the video.
 * @module
 */
import type { FrameBatch, FrameRange } from "../../video.ts";
import { linspace } from "./schedule.ts";
import type { Section } from "./section_plan.ts";

/** Decoder output: `data` is [3, frames, heightPx, widthPx], planes of R, G and B around [-1, 1], not clamped. */
export interface PixelClip {
  readonly data: Float32Array;
  readonly frames: number;
  readonly heightPx: number;
  readonly widthPx: number;
}

/** What a section adds to the video: the frames of its `finalFrames` and `provisionalFrames`, null where those are empty. */
export interface Stitched {
  readonly final: PixelClip | null;
  /** Goes into the next section's `stitch` as `pending`. */
  readonly provisional: PixelClip | null;
}

/** Blends a section's decoded frames with what the section before left provisional (null in the first). */
export function stitch(section: Section, decoded: PixelClip, pending: PixelClip | null): Stitched {
  const { decodedFrames, finalFrames, provisionalFrames, overlapFrames, schedule } = section;
  const joined = pending === null
    ? decoded
    : schedule === "inverted"
    ? softAppend(decoded, pending, overlapFrames)
    : softAppend(pending, decoded, overlapFrames);
  // Of both schedules the joined clip begins where the decoder's does: the pending frames lie inside of it.
  const cut = ({ start, end }: FrameRange) =>
    clipFrames(joined, { start: start - decodedFrames.start, end: end - decodedFrames.start });
  return {
    final: finalFrames.end > finalFrames.start ? cut(finalFrames) : null,
    provisional: provisionalFrames === null ? null : cut(provisionalFrames),
  };
}

/** A stitched section as it is shown and stored: the final frames first, then the provisional ones. */
export function frameBatches({ finalFrames, provisionalFrames }: Section, stitched: Stitched): FrameBatch[] {
  const batches: FrameBatch[] = [];
  if (stitched.final !== null) {
    batches.push({ firstFrameIndex: finalFrames.start, pixels: rgb24(stitched.final), state: "final" });
  }
  if (stitched.provisional !== null && provisionalFrames !== null) {
    batches.push({
      firstFrameIndex: provisionalFrames.start,
      pixels: rgb24(stitched.provisional),
      state: "provisional",
    });
  }
  return batches;
}

/**
 * `first` followed by `second`, the last `overlapFrames` of the one faded linearly into the first of the other:
 * weights of `first` fall from 1 at the first shared frame to 0 at the last.
 */
export function softAppend(first: PixelClip, second: PixelClip, overlapFrames: number): PixelClip {
  if (overlapFrames > Math.min(first.frames, second.frames)) {
    throw new RangeError(
      `Cannot blend ${overlapFrames} frames of clips with ${first.frames} and ${second.frames} frames`,
    );
  }
  const { heightPx, widthPx } = first;
  const frames = first.frames + second.frames - overlapFrames;
  const area = heightPx * widthPx;
  const data = new Float32Array(3 * frames * area);
  const weights = linspace(1, 0, overlapFrames);
  const blendStart = first.frames - overlapFrames;
  for (let plane = 0; plane < 3; plane++) {
    const a = planeOf(first, plane);
    const b = planeOf(second, plane);
    const out = data.subarray(plane * frames * area, (plane + 1) * frames * area);
    out.set(a.subarray(0, blendStart * area));
    out.set(b.subarray(overlapFrames * area), first.frames * area);
    for (let k = 0; k < overlapFrames; k++) {
      const weight = weights[k]!;
      const rest = Math.fround(1 - weight);
      const from = (blendStart + k) * area;
      for (let i = 0; i < area; i++) {
        out[from + i] = Math.fround(weight * a[from + i]!) + Math.fround(rest * b[k * area + i]!);
      }
    }
  }
  return { data, frames, heightPx, widthPx };
}

/** A clip as RGB24 [frames, heightPx, widthPx, 3]: clamped to [-1, 1], scaled to 0..255 and truncated. */
export function rgb24(clip: PixelClip): Uint8Array {
  const pixels = new Uint8Array(clip.data.length);
  for (let plane = 0; plane < 3; plane++) {
    const values = planeOf(clip, plane);
    for (let i = 0, to = plane; i < values.length; i++, to += 3) {
      const value = Math.min(Math.max(values[i]!, -1), 1);
      // The store into the array truncates; the roundings are those of float32, which decide at whole numbers.
      pixels[to] = Math.fround(Math.fround(value * 127.5) + 127.5);
    }
  }
  return pixels;
}

function clipFrames(clip: PixelClip, range: FrameRange): PixelClip {
  const { heightPx, widthPx } = clip;
  const frames = range.end - range.start;
  const area = heightPx * widthPx;
  const data = new Float32Array(3 * frames * area);
  for (let plane = 0; plane < 3; plane++) {
    data.set(planeOf(clip, plane).subarray(range.start * area, range.end * area), plane * frames * area);
  }
  return { data, frames, heightPx, widthPx };
}

function planeOf({ data, frames, heightPx, widthPx }: PixelClip, plane: number): Float32Array {
  const size = frames * heightPx * widthPx;
  return data.subarray(plane * size, (plane + 1) * size);
}
