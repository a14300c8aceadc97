/**
 * Bursts of frames become one picture every 1/frameRate s. Pure: each call of `next` is one tick of somebody else's
 * clock, and a segment is judged by the ticks since it began.
 * @module
 */
import type { FrameRange, VideoPlan } from "../video.ts";

/**
 * What a live picture shows. `arrival`: the newest section at once, then that section in a loop. `edge`: every frame
 * in timeline order, beginning with the newest section that everything before it exists of; it holds its frame while
 * generation is slower, never skips, and begins again when it has shown the last frame of a finished video.
 */
export type View = "arrival" | "edge";

/** What is shown from one tick on if nothing new arrives: `start`, … `end` − 1, then `start` again or `end` − 1 for ever. */
export interface Run extends FrameRange {
  readonly loop: boolean;
}

export interface Playout {
  /** These frames can be shown from now on. Whether they are provisional or final makes no difference here. */
  arrived(range: FrameRange): void;
  /** One tick: the frame to show is the run's first. Undefined while there is none. */
  next(): Run | undefined;
}

export function createPlayout(view: View, plan: VideoPlan): Playout {
  return view === "arrival" ? new ArrivalPlayout(plan) : new EdgePlayout(plan);
}

/** The frame that a viewer expects `ticks` ticks after a run began. */
export function frameOfRun({ start, end, loop }: Run, ticks: number): number {
  return loop ? start + (ticks % (end - start)) : Math.min(start + ticks, end - 1);
}

class ArrivalPlayout implements Playout {
  readonly #available: Availability;
  #section: FrameRange | undefined;
  #frameIndex = 0;

  constructor(readonly plan: VideoPlan) {
    this.#available = new Availability(plan.frames);
  }

  arrived(range: FrameRange): void {
    this.#available.add(range);
  }

  next(): Run | undefined {
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

class EdgePlayout implements Playout {
  readonly #available: Availability;
  #frameIndex: number | undefined;

  constructor(readonly plan: VideoPlan) {
    this.#available = new Availability(plan.frames);
  }

  arrived(range: FrameRange): void {
    this.#available.add(range);
  }

  next(): Run | undefined {
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
