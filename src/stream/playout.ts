/**
 * Bursts of frames become one picture every 1/frameRate s. Pure: time is the tick that a caller passes in.
 * @module
 */
import { Arrival } from "./playout_arrival.ts";
import { Edge } from "./playout_edge.ts";
import { Growing } from "./playout_growing.ts";
import { type Cursor, type FootageFacts, frameOfRun, isPast, type Run, type Wait } from "./playout_run.ts";
import { Timeline } from "./playout_timeline.ts";

export { type FootageFacts, frameOfRun, type Run, type Wait, waits } from "./playout_run.ts";

/**
 * What a live picture shows. `arrival`: the newest section at once. `growing`: everything decoded so far, in a loop.
 * `timeline`: a playhead over the whole length, gaps included. `edge`: every frame in timeline order, from the newest
 * section on that everything before it exists of.
 */
export const views = ["arrival", "growing", "timeline", "edge"] as const;
export type View = typeof views[number];

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

/** The same for choices that show the same. */
export function keyOf({ view, wait, previews }: ViewChoice): string {
  return `${view} ${wait} ${previews}`;
}

export interface Playout {
  /** The run that holds at a tick: the same object as before as long as that one has foretold rightly. */
  next(tick: number): Run;
}

/** @param facts are asked at each tick; nothing has to be told */
export function createPlayout(choice: ViewChoice, facts: FootageFacts): Playout {
  const cursor = cursorOf(choice, choice.previews === "shown" ? facts : withoutPreviews(facts));
  let told: Run | undefined;
  return {
    next(tick) {
      const present = cursor.step(tick);
      told = told && isForetold(told, present, tick) ? told : present;
      return told = tick - told.sinceTick < toldAgainTicks ? told : younger(told, tick);
    },
  };
}

function cursorOf({ view, wait }: ViewChoice, facts: FootageFacts): Cursor {
  switch (view) {
    case "arrival":
      return new Arrival(facts, wait);
    case "growing":
      return new Growing(facts);
    case "timeline":
      return new Timeline(facts);
    case "edge":
      return new Edge(facts, wait);
  }
}

function withoutPreviews(facts: FootageFacts): FootageFacts {
  return {
    plan: facts.plan,
    preview: null,
    get decoded() {
      return facts.decoded;
    },
    get isOver() {
      return facts.isOver;
    },
  };
}

function isForetold(told: Run, present: Run, tick: number): boolean {
  return told.shows === present.shows &&
    frameOfRun(told, tick - told.sinceTick) === frameOfRun(present, tick - present.sinceTick);
}

/** An hour: RTP timestamps come round after 13 (2³² / 90 kHz), and half of that is as far back as one can be told. */
const toldAgainTicks = 3600 * 30;

/** The same future with a later beginning: whole turns of a loop are left out, or all but a last frame that stays. */
function younger(run: Run, tick: number): Run {
  if (!run.loop) return isPast(run, tick) ? { ...run, start: lastOf(run), end: lastOf(run) + 1, sinceTick: tick } : run;
  const turnTicks = (run.end - run.start) * (run.rate === 1 ? 1 : 1000); // rates are whole thousandths
  return { ...run, sinceTick: tick - (tick - run.sinceTick) % turnTicks };
}

function lastOf({ start, end, rate }: Run): number {
  return rate > 0 ? end - 1 : start;
}
