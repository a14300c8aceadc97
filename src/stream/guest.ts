/**
 * One viewer of a live stream, from its offer to its end: what it watches, and when it counts as gone.
 * @module
 */
import type { Codec } from "./access_unit.ts";
import type { Clock } from "./clock.ts";
import type { ViewChoice } from "./playout.ts";
import type { Rendition } from "./rendition.ts";
import { Seat } from "./seat.ts";
import { createSilenceWatch } from "./silence.ts";
import type { Quality } from "./video_encoder.ts";
import type { Viewer } from "./viewer.ts";

/** The rendition of a choice, started when it does not run yet. */
export type RenditionOf = (choice: ViewChoice, codec: Codec, quality: Quality) => Rendition;

export class Guest {
  readonly viewer: Viewer;
  /** Resolves when it has gone, whoever ended it. */
  readonly done: Promise<void>;
  readonly #renditionOf: RenditionOf;
  readonly #seat: Seat;
  #choice: ViewChoice;
  #quality: Quality = "high";

  constructor(
    viewer: Viewer,
    choice: ViewChoice,
    { renditionOf, clock }: { readonly renditionOf: RenditionOf; readonly clock: Clock },
  ) {
    this.viewer = viewer;
    this.#renditionOf = renditionOf;
    this.#choice = choice;
    this.#seat = new Seat(viewer, renditionOf(choice, viewer.codec, this.#quality));
    void this.#lookAfter(clock);
    this.done = this.#serve();
  }

  get choice(): ViewChoice {
    return this.#choice;
  }

  get rendition(): Rendition {
    return this.#seat.rendition;
  }

  choose(choice: ViewChoice): void {
    this.#choice = choice;
    this.#seat.move(this.#renditionOf(choice, this.viewer.codec, this.#quality));
  }

  async #serve(): Promise<void> {
    for await (const event of this.viewer.events) {
      if (event === "connected") this.#seat.connect();
      else this.#seat.requestKeyFrame();
    }
    this.#seat.leave();
  }

  /** Once a second. */
  async #lookAfter(clock: Clock): Promise<void> {
    const isGone = createSilenceWatch();
    while (!this.viewer.ended.aborted && !isGone(this.viewer.packetsReceived)) {
      await clock.waitUntil(clock.nowMs() + 1000, this.viewer.ended).catch(() => {}); // it left by itself
    }
    await this.viewer[Symbol.asyncDispose]();
  }
}
