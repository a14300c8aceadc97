/**
 * What a live picture shows from one tick on, and what that is decided by. Pure.
 * @module
 */
import type { FrameRange, VideoPlan } from "../video.ts";

/** What is shown from one tick on if nothing new arrives; `frameOfRun` has the formula. */
export interface Run extends FrameRange {
  /** The tick it began at. */
  readonly sinceTick: number;
  /** `preview`: of the section in work, at the place of these frames. `slate`: instead of these frames. */
  readonly shows: "frames" | "preview" | "slate";
  /** Frames per tick: 1 is the video's own speed; below 0 it runs backwards, beginning with `end` − 1. */
  readonly rate: number;
  /** At its end it begins again; otherwise its last frame stays. */
  readonly loop: boolean;
}

/** The frame shown `ticks` ticks after a run began. Undefined for an empty range: a slate that stands for no place. */
export function frameOfRun(
  { start, end, rate, loop }: Omit<Run, "sinceTick" | "shows">,
  ticks: number,
): number | undefined {
  const frames = end - start;
  if (frames <= 0) return undefined;
  const steps = Math.floor(ticks * Math.abs(rate));
  const offset = loop ? steps % frames : Math.min(steps, frames - 1);
  return rate < 0 ? end - 1 - offset : start + offset;
}

/** It has shown its last frame, and nothing follows by itself. */
export function isPast({ start, end, rate, loop, sinceTick }: Run, tick: number): boolean {
  return !loop && Math.floor((tick - sinceTick) * Math.abs(rate)) >= end - start;
}

/** Frames from a tick on, at the video's own speed and to the end of the range unless said otherwise. */
export function framesFrom(sinceTick: number, { start, end }: FrameRange, other: Partial<Run> = {}): Run {
  return { shows: "frames", start, end, rate: 1, loop: false, ...other, sinceTick };
}

/** The way there and back again, without showing a turning point twice. A single frame stays. */
export function turned(run: Run, { start, end }: FrameRange, tick: number): Run {
  if (end - start < 2) return run;
  const back = { start, end: end - 1 };
  return run.rate > 0 ? framesFrom(tick, back, { rate: -1 }) : framesFrom(tick, { start: start + 1, end });
}

/** The rate at which frames last for a number of ticks: at most 1, in whole thousandths. */
export function rateThatLasts(frames: number, ticks: number): number {
  return Math.min(1, Math.max(1, Math.floor(1000 * frames / ticks)) / 1000);
}

/** What exists of a video, asked for at each tick. */
export interface FootageFacts {
  readonly plan: VideoPlan;
  /** Which frames can be shown: not empty, not touching, in timeline order. */
  readonly decoded: readonly FrameRange[];
  /** The newest preview, until all of its section can be shown. */
  readonly preview: { readonly range: FrameRange } | null;
  /** No more frames will come. */
  readonly isOver: boolean;
}

/**
 * What `arrival` and `edge` do while they wait for frames: stay with the last one, repeat the newest section, go through
 * it there and back, or stretch what there is over the time that the next frames are likely to take.
 */
export const waits = ["hold", "loop", "ping-pong", "slow"] as const;
export type Wait = typeof waits[number];

/** One view at work. */
export interface Cursor {
  /** The run that holds at a tick. It may have begun earlier, and then it has been true since. */
  step(tick: number): Run;
}
