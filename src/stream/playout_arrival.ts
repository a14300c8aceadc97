/**
 * The view `arrival`: the newest section at once, then the one being made, or the newest again. Pure.
 * @module
 */
import type { FrameRange } from "../video.ts";
import { rangeAt } from "./frame_ranges.ts";
import { Opening } from "./playout_opening.ts";
import {
  type Cursor,
  type FootageFacts,
  frameOfRun,
  framesFrom,
  isPast,
  rateThatLasts,
  type Run,
  turned,
  type Wait,
} from "./playout_run.ts";

/** Follows the ticks: where time was lost, frames are left out. */
export class Arrival implements Cursor {
  readonly #facts: FootageFacts;
  readonly #wait: Wait;
  readonly #opening: Opening;
  #section: FrameRange | undefined;
  #run: Run | undefined;
  /** When this section came, and how long it had been waited for. */
  #sinceTick = 0;
  #waitedTicks = 0;
  #firstTick: number | undefined;

  constructor(facts: FootageFacts, wait: Wait) {
    this.#facts = facts;
    this.#wait = wait;
    this.#opening = new Opening(facts);
  }

  step(tick: number): Run {
    this.#firstTick ??= tick;
    const { plan, decoded, preview, isOver } = this.#facts;
    const newest = plan.sections.findLast(({ start }) => rangeAt(decoded, start));
    const section = newest ?? (isOver ? decoded[0] : undefined);
    if (!section) return this.#opening.step(tick);
    if (section !== this.#section) this.#enter(section, tick);
    const end = Math.min(rangeAt(decoded, section.start)!.end, section.end);
    const isWhole = end === section.end || isOver;
    if (isWhole && preview && tick - this.#sinceTick >= end - section.start) {
      this.#run = undefined;
      return this.#opening.step(tick);
    }
    const range = { start: section.start, end };
    const run = this.#advance(this.#run, range, tick);
    return this.#run = isWhole ? this.#repeat(run, range, tick) : run;
  }

  #enter(section: FrameRange, tick: number): void {
    this.#waitedTicks = tick - (this.#section ? this.#sinceTick : this.#firstTick!);
    this.#sinceTick = tick;
    this.#section = section;
    this.#run = undefined;
  }

  /** The section's frames as they come, its last one held. */
  #advance(run: Run | undefined, range: FrameRange, tick: number): Run {
    if (!run) return framesFrom(tick, range);
    if (run.end >= range.end || run.rate !== 1) return run;
    return isPast(run, tick) ? framesFrom(tick, { start: run.end, end: range.end }) : { ...run, end: range.end };
  }

  /** The whole section, in the way chosen. */
  #repeat(run: Run, range: FrameRange, tick: number): Run {
    if (this.#wait === "hold") return run;
    if (this.#wait === "ping-pong") return isPast(run, tick) ? turned(run, range, tick) : run;
    const rate = this.#wait === "slow" ? rateThatLasts(range.end - range.start, this.#waitedTicks) : 1;
    if (isPast(run, tick)) return framesFrom(tick, range, { rate, loop: true });
    if (run.rate !== rate) {
      run = framesFrom(tick, { ...range, start: frameOfRun(run, tick - run.sinceTick)! }, { rate });
    }
    return { ...run, loop: run.start === range.start };
  }
}
