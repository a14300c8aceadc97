/**
 * The view `edge`: every frame in timeline order, up to where the video has grown. Pure.
 * @module
 */
import type { FrameRange } from "../video.ts";
import { framesIn } from "./frame_ranges.ts";
import { Growing } from "./playout_growing.ts";
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

/** Sections are seldom made in equal times: played this much slower than they come, a quarter of one is kept back. */
const reserve = 1.25;

/** Where time was lost the picture loses time but no frame. After the end, what exists plays in a loop. */
export class Edge implements Cursor {
  readonly #facts: FootageFacts;
  readonly #wait: Wait;
  readonly #opening: Opening;
  readonly #afterEnd: Growing;
  #run: Run | undefined;
  #edge = 0;
  #tick: number | undefined;
  #rate = 1;
  #sectionTick = 0;

  constructor(facts: FootageFacts, wait: Wait) {
    this.#facts = facts;
    this.#wait = wait;
    this.#opening = new Opening(facts);
    this.#afterEnd = new Growing(facts);
  }

  step(tick: number): Run {
    const before = this.#tick ?? tick;
    if (this.#tick === undefined) this.#sectionTick = tick;
    this.#tick = tick;
    const { plan, decoded, isOver } = this.#facts;
    const shown = this.#run && frameOfRun(this.#run, before - this.#run.sinceTick)!;
    if (isOver || framesIn(decoded) === plan.frames) {
      if (shown !== undefined) this.#afterEnd.goOnFrom(shown, tick - 1);
      return this.#afterEnd.step(tick);
    }
    const edge = decoded[0]?.start === 0 ? decoded[0].end : 0;
    if (edge === 0) return this.#opening.step(tick);
    if (this.#run && tick > before + 1) this.#run = rest(this.#run, shown!, tick - 1);
    return this.#run = edge > this.#edge ? this.#goOn(shown, edge, tick) : this.#atEdge(this.#run!, tick);
  }

  /** There are new frames: forward, from wherever it is. */
  #goOn(shown: number | undefined, edge: number, tick: number): Run {
    this.#edge = edge;
    const section = this.#newestSection();
    const start = shown === undefined ? section.start : shown + 1;
    if (this.#wait === "slow" && edge === section.end) {
      if (shown !== undefined) this.#rate = rateThatLasts(edge - start, reserve * (tick - this.#sectionTick));
      this.#sectionTick = tick;
    }
    return framesFrom(tick, { start, end: edge }, { rate: this.#rate });
  }

  /** Nothing new: on to the last frame, then what was chosen, once the newest section is whole. */
  #atEdge(run: Run, tick: number): Run {
    const section = this.#newestSection();
    if (!isPast(run, tick) || section.end !== this.#edge) return run;
    if (this.#wait === "loop") return framesFrom(tick, section, { loop: true });
    if (this.#wait === "ping-pong") return turned(run, section, tick);
    return run;
  }

  #newestSection(): FrameRange {
    const begun = this.#facts.plan.sections.filter(({ start }) => start < this.#edge);
    return begun.reduce((a, b) => a.start > b.start ? a : b);
  }
}

/** The part of a run that begins with the frame shown, moved to another tick. */
function rest(run: Run, frameIndex: number, sinceTick: number): Run {
  const range = run.rate > 0 ? { start: frameIndex } : { end: frameIndex + 1 };
  return { ...run, ...range, sinceTick, loop: run.loop && run.start === frameIndex };
}
