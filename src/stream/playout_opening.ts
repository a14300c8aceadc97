/**
 * What every view shows while it has no frames. Pure.
 * @module
 */
import type { Cursor, FootageFacts, Run } from "./playout_run.ts";

/** The section in work again and again, as sharp as it is; without previews a slate. */
export class Opening implements Cursor {
  readonly #facts: FootageFacts;
  #run: Run | undefined;

  constructor(facts: FootageFacts) {
    this.#facts = facts;
  }

  step(tick: number): Run {
    const { start, end } = this.#facts.preview?.range ?? { start: 0, end: 0 };
    if (this.#run?.start === start && this.#run.end === end) return this.#run;
    const shows = end > start ? "preview" : "slate";
    return this.#run = { sinceTick: tick, shows, start, end, rate: 1, loop: end > start };
  }
}
