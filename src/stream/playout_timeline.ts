/**
 * The view `timeline`: a playhead over the whole length, whatever exists at its place. Pure.
 * @module
 */
import { rangeAt } from "./frame_ranges.ts";
import { Growing } from "./playout_growing.ts";
import type { Cursor, FootageFacts, Run } from "./playout_run.ts";

/** After the end no gap will be filled any more: then it is what exists that plays. */
export class Timeline implements Cursor {
  readonly #facts: FootageFacts;
  readonly #afterEnd: Growing;
  #shown: { readonly frameIndex: number; readonly tick: number } | undefined;

  constructor(facts: FootageFacts) {
    this.#facts = facts;
    this.#afterEnd = new Growing(facts);
  }

  step(tick: number): Run {
    const { plan, isOver } = this.#facts;
    if (isOver) {
      if (this.#shown) this.#afterEnd.goOnFrom(this.#shown.frameIndex, this.#shown.tick);
      return this.#afterEnd.step(tick);
    }
    const start = this.#shown ? (this.#shown.frameIndex + tick - this.#shown.tick) % plan.frames : 0;
    this.#shown = { frameIndex: start, tick };
    const { shows, end } = this.#at(start);
    return { sinceTick: tick, shows, start, end, rate: 1, loop: start === 0 && end === plan.frames };
  }

  /** What exists at a place, and up to where. */
  #at(frameIndex: number): Pick<Run, "shows" | "end"> {
    const { plan, decoded, preview } = this.#facts;
    const present = rangeAt(decoded, frameIndex);
    if (present) return { shows: "frames", end: present.end };
    const gapEnd = decoded.find(({ start }) => start > frameIndex)?.start ?? plan.frames;
    if (!preview || frameIndex >= preview.range.end) return { shows: "slate", end: gapEnd };
    if (frameIndex < preview.range.start) return { shows: "slate", end: Math.min(gapEnd, preview.range.start) };
    return { shows: "preview", end: Math.min(gapEnd, preview.range.end) };
  }
}
