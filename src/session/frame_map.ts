/**
 * Which frames of the finished video exist and how true they are: half-open ranges that cover `[0, frames)` without gap
 * or overlap. Pure; every function gives a new map.
 * @module
 */
import type { PresentFrames } from "../stream/mod.ts";
import type { FrameRange, FrameState, VideoPlan } from "../video.ts";
import type { FrameMapRange } from "./view.ts";

export type FrameMapState = FrameMapRange["state"];
/** Sorted by `start`; neighbours have different states. */
export type FrameMap = readonly FrameMapRange[];

/** Nothing made yet. `frames` ≥ 1. */
export function plannedMap(frames: number): FrameMap {
  return [{ start: 0, end: frames, state: "planned" }];
}

/** Gives `range` the state `state`, whatever it had. Parts of `range` outside the map are ignored. */
export function markFrames(map: FrameMap, range: FrameRange, state: FrameMapState): FrameMap {
  return remap(map, range, () => state);
}

/** Says that a section is being sampled or decoded. Frames that already exist keep their state. */
export function markSection(map: FrameMap, section: FrameRange, state: "sampling" | "decoding"): FrameMap {
  return remap(map, section, (before) => before === "provisional" || before === "final" ? before : state);
}

/**
 * The frames a recording can hold: the longest run of frames that exist. An engine makes them without holes, from one
 * side; a run beside it is a piece of a section that was not finished.
 */
export function keptRange(map: FrameMap): FrameRange | null {
  let longest: FrameRange | null = null;
  let run: FrameRange | null = null;
  for (const range of map) {
    if (!exists(range.state)) continue;
    run = run !== null && run.end === range.start
      ? { start: run.start, end: range.end }
      : { start: range.start, end: range.end };
    if (longest === null || run.end - run.start > longest.end - longest.start) longest = run;
  }
  return longest;
}

export function isWhole(kept: FrameRange | null, { frames }: VideoPlan): boolean {
  return kept !== null && kept.start === 0 && kept.end === frames;
}

export function keptSeconds(kept: FrameRange | null, { format }: VideoPlan): number {
  return kept === null ? 0 : (kept.end - kept.start) / format.frameRate;
}

/** Nothing more will be made: `kept` is final, everything else is planned again. */
export function endedMap(map: FrameMap, kept: FrameRange | null): FrameMap {
  const nothing = plannedMap(map.at(-1)?.end ?? 0);
  return kept === null ? nothing : markFrames(nothing, kept, "final");
}

/** The frames that exist. */
export function existing(map: FrameMap): PresentFrames[] {
  return map.flatMap(({ start, end, state }) => exists(state) ? [{ start, end, state }] : []);
}

/** Nothing is in work: what does not exist is planned. */
export function restingMap(map: FrameMap): FrameMap {
  return remap(map, { start: 0, end: Infinity }, (state) => exists(state) ? state : "planned");
}

/** State of one frame, or null outside the video. */
export function stateAt(map: FrameMap, frame: number): FrameMapState | null {
  return map.find((range) => range.start <= frame && frame < range.end)?.state ?? null;
}

/** `final` when all frames of `range` are, `provisional` when all exist, null when one does not. */
export function leastState(map: FrameMap, range: FrameRange): "provisional" | "final" | null {
  const states = map.filter(({ start, end }) => start < range.end && range.start < end).map(({ state }) => state);
  if (!states.every(exists)) return null;
  return states.every((state) => state === "final") ? "final" : "provisional";
}

function exists(state: FrameMapState): state is FrameState {
  return state === "provisional" || state === "final";
}

/** Cuts the map at the edges of `range`, changes what lies inside, and joins equal neighbours. */
function remap(map: FrameMap, range: FrameRange, change: (before: FrameMapState) => FrameMapState): FrameMap {
  const pieces: FrameMapRange[] = [];
  const add = (start: number, end: number, state: FrameMapState) => {
    if (start >= end) return;
    const last = pieces.at(-1);
    if (last?.state === state) last.end = end;
    else pieces.push({ start, end, state });
  };
  for (const { start, end, state } of map) {
    const insideStart = Math.min(Math.max(start, range.start), end);
    const insideEnd = Math.max(Math.min(end, range.end), insideStart);
    add(start, insideStart, state);
    add(insideStart, insideEnd, change(state));
    add(insideEnd, end, state);
  }
  return pieces;
}
