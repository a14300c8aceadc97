/**
 * The view `growing`: all frames that exist, first to last, again and again. Pure.
 * @module
 */
import { frameAfter, framesBefore, framesIn, rangeAt } from "./frame_ranges.ts";
import { Opening } from "./playout_opening.ts";
import { type Cursor, type FootageFacts, framesFrom, type Run } from "./playout_run.ts";

/** New frames at either side join without a jump: what follows the present frame is the next one that exists. */
export class Growing implements Cursor {
  readonly #facts: FootageFacts;
  readonly #opening: Opening;
  #shown: { readonly frameIndex: number; readonly tick: number } | undefined;

  constructor(facts: FootageFacts) {
    this.#facts = facts;
    this.#opening = new Opening(facts);
  }

  /** Takes over from another view. */
  goOnFrom(frameIndex: number, tick: number): void {
    this.#shown ??= { frameIndex, tick };
  }

  step(tick: number): Run {
    const { decoded } = this.#facts;
    if (decoded.length === 0) return this.#opening.step(tick);
    const frameIndex = this.#next(tick);
    this.#shown = { frameIndex, tick };
    const { start, end } = rangeAt(decoded, frameIndex)!;
    return framesFrom(tick, { start: frameIndex, end }, { loop: decoded.length === 1 && frameIndex === start });
  }

  #next(tick: number): number {
    const { decoded } = this.#facts;
    if (!this.#shown || !rangeAt(decoded, this.#shown.frameIndex)) return decoded[0]!.start;
    const passed = framesBefore(decoded, this.#shown.frameIndex) + tick - this.#shown.tick;
    return frameAfter(decoded, passed % framesIn(decoded));
  }
}
