/**
 * Bursts of frames become one picture every 1/frameRate s. Pure: time is the tick that a caller passes in.
 * @module
 */
import type { FrameRange, VideoPlan } from "../video.ts";

/**
 * What a live picture shows. `arrival`: the newest section at once. `growing`: everything decoded so far, in a loop.
 * `timeline`: a playhead over the whole length, gaps included. `edge`: every frame in timeline order, from the newest
 * section on that everything before it exists of.
 */
export const views = ["arrival", "growing", "timeline", "edge"] as const;
export type View = typeof views[number];

/** What `arrival` and `edge` do while they wait for frames. */
export const waits = ["hold", "loop", "ping-pong", "slow"] as const;
export type Wait = typeof waits[number];

/** For viewers who choose none. */
export const defaultWaits: Readonly<Record<View, Wait>> = {
  arrival: "loop",
  growing: "loop",
  timeline: "loop",
  edge: "hold",
};

/** What one viewer chose to see. */
export interface ViewChoice {
  readonly view: View;
  readonly wait: Wait;
  readonly previews: "shown" | "hidden";
}

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

/** What a playout asks for at each tick. */
export interface FootageFacts {
  readonly plan: VideoPlan;
  /** Which frames can be shown: not empty, not touching, in timeline order. Another object when it has changed. */
  readonly decoded: readonly FrameRange[];
  /** The newest preview, until frames of its section can be shown. */
  readonly preview: { readonly range: FrameRange } | null;
  /** No more frames will come. */
  readonly isOver: boolean;
}

export interface Playout {
  /** The run that holds at a tick: the same object as before as long as that one has foretold rightly. */
  next(tick: number): Run;
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

/** @param facts are asked at each tick; nothing has to be told */
export function createPlayout({ view }: ViewChoice, facts: FootageFacts): Playout {
  const cursor = view === "edge" ? new EdgePlayout(facts.plan) : new ArrivalPlayout(facts.plan);
  let told: Run | undefined;
  return {
    next(tick) {
      for (const range of facts.decoded) cursor.arrived(range);
      const now = cursor.next() ?? { start: 0, end: 0, loop: false };
      const shows = now.end > now.start ? "frames" : "slate";
      const isForetold = told?.shows === shows &&
        (shows === "slate" || frameOfRun(told, tick - told.sinceTick) === now.start);
      return told = isForetold ? told! : { ...now, sinceTick: tick, shows, rate: 1 };
    },
  };
}

interface Place extends FrameRange {
  readonly loop: boolean;
}

class ArrivalPlayout {
  readonly #available: Availability;
  #section: FrameRange | undefined;
  #frameIndex = 0;

  constructor(readonly plan: VideoPlan) {
    this.#available = new Availability(plan.frames);
  }

  arrived(range: FrameRange): void {
    this.#available.add(range);
  }

  next(): Place | undefined {
    const newest = this.plan.sections.findLast(({ start }) => this.#available.has(start));
    if (!newest) return undefined;
    const end = Math.min(this.#available.endFrom(newest.start), newest.end);
    const isWhole = end === newest.end;
    if (newest !== this.#section) this.#frameIndex = newest.start;
    else if (this.#frameIndex + 1 < end) this.#frameIndex++;
    else if (isWhole) this.#frameIndex = newest.start;
    this.#section = newest;
    return { start: this.#frameIndex, end, loop: isWhole && this.#frameIndex === newest.start };
  }
}

class EdgePlayout {
  readonly #available: Availability;
  #frameIndex: number | undefined;

  constructor(readonly plan: VideoPlan) {
    this.#available = new Availability(plan.frames);
  }

  arrived(range: FrameRange): void {
    this.#available.add(range);
  }

  next(): Place | undefined {
    const end = this.#available.endFrom(0);
    if (end === 0) return undefined;
    const isWhole = end === this.plan.frames;
    if (this.#frameIndex === undefined) this.#frameIndex = isWhole ? 0 : this.#newestSectionBefore(end);
    else if (this.#frameIndex + 1 < end) this.#frameIndex++;
    else if (isWhole) this.#frameIndex = 0;
    return { start: this.#frameIndex, end, loop: isWhole && this.#frameIndex === 0 };
  }

  #newestSectionBefore(end: number): number {
    return Math.max(...this.plan.sections.filter(({ start }) => start < end).map(({ start }) => start));
  }
}

/** Which frames exist. */
class Availability {
  readonly #present: Uint8Array;

  constructor(frames: number) {
    this.#present = new Uint8Array(frames);
  }

  add({ start, end }: FrameRange): void {
    this.#present.fill(1, start, end);
  }

  has(frameIndex: number): boolean {
    return this.#present[frameIndex] === 1;
  }

  /** End of the unbroken range that begins at `start`; `start` itself when that frame is missing. */
  endFrom(start: number): number {
    const gap = this.#present.indexOf(0, start);
    return gap === -1 ? this.#present.length : gap;
  }
}
