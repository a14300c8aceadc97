/**
 * Sets of frames as half-open ranges: not empty, not touching each other, in timeline order. Pure.
 * @module
 */
import type { FrameRange } from "../video.ts";

/** The set with `range` added. The same array when all of it was there already. */
export function withRange(ranges: readonly FrameRange[], range: FrameRange): readonly FrameRange[] {
  if (range.end <= range.start || ranges.some(({ start, end }) => start <= range.start && range.end <= end)) {
    return ranges;
  }
  const touching = ranges.filter(({ start, end }) => start <= range.end && range.start <= end);
  const joined = {
    start: Math.min(range.start, ...touching.map(({ start }) => start)),
    end: Math.max(range.end, ...touching.map(({ end }) => end)),
  };
  return [...ranges.filter((each) => !touching.includes(each)), joined].sort((a, b) => a.start - b.start);
}

/** The unbroken range around a frame; undefined when the frame is missing. */
export function rangeAt(ranges: readonly FrameRange[], frameIndex: number): FrameRange | undefined {
  return ranges.find(({ start, end }) => start <= frameIndex && frameIndex < end);
}

export function framesIn(ranges: readonly FrameRange[]): number {
  return ranges.reduce((frames, { start, end }) => frames + end - start, 0);
}

/** How many frames of the set lie before a frame. */
export function framesBefore(ranges: readonly FrameRange[], frameIndex: number): number {
  return ranges.reduce((frames, { start, end }) => frames + Math.max(0, Math.min(end, frameIndex) - start), 0);
}

/** The frame that so many frames of the set lie before. */
export function frameAfter(ranges: readonly FrameRange[], frames: number): number {
  for (const { start, end } of ranges) {
    if (frames < end - start) return start + frames;
    frames -= end - start;
  }
  throw new RangeError(`Cannot find a frame ${frames} frames behind the last one`);
}
