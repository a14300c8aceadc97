import assert from "node:assert/strict";
import type { FrameRange, VideoPlan } from "../video.ts";
import { withRange } from "./frame_ranges.ts";
import { createPlayout, defaultWaits, frameOfRun } from "./playout.ts";

const format = { widthPx: 64, heightPx: 64, frameRate: 30 };

/** Ranges as FramePack's two schedules make them, for sections of 36 frames. */
function planOf(schedule: "inverted" | "forward", sections: number): VideoPlan {
  const frames = 36 * sections + 1;
  const forward = Array.from({ length: sections }, (_, k) => ({ start: k === 0 ? 0 : 36 * k + 1, end: 36 * k + 37 }));
  const inverted = Array.from({ length: sections }, (_, k) => ({
    start: k === sections - 1 ? 0 : 36 * (sections - 1 - k) + 4,
    end: k === 0 ? frames : 36 * (sections - k) + 4,
  }));
  return { format, frames, sections: schedule === "forward" ? forward : inverted };
}

/** A small seeded generator (mulberry32): property tests must repeat. */
function randomOf(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

type Shown = { readonly start: number; readonly end: number };

/** A playout that is told of arrivals and counts its own ticks. */
function playing(view: "arrival" | "edge", plan: VideoPlan) {
  const facts = { plan, decoded: [] as readonly FrameRange[], preview: null, isOver: false };
  const playout = createPlayout({ view, wait: defaultWaits[view], previews: "hidden" }, facts);
  let tick = 0;
  return {
    arrived(range: FrameRange) {
      facts.decoded = withRange(facts.decoded, range);
    },
    next(): Shown | undefined {
      const run = playout.next(tick);
      const start = frameOfRun(run, tick++ - run.sinceTick);
      return start === undefined ? undefined : { start, end: run.end };
    },
  };
}

function ticks(playout: { next(): Shown | undefined }, count: number): (number | undefined)[] {
  return Array.from({ length: count }, () => playout.next()?.start);
}

Deno.test("createPlayout(arrival) shows nothing before frames exist", () => {
  assert.deepEqual(ticks(playing("arrival", planOf("inverted", 2)), 3), [undefined, undefined, undefined]);
});

Deno.test("createPlayout(arrival) shows a new section at the next tick and then loops it", () => {
  const playout = playing("arrival", planOf("inverted", 2));
  playout.arrived({ start: 40, end: 73 });
  assert.deepEqual(ticks(playout, 35), [...Array.from({ length: 33 }, (_, k) => 40 + k), 40, 41]);
  playout.arrived({ start: 0, end: 73 });
  assert.deepEqual(ticks(playout, 2), [0, 1]);
});

Deno.test("createPlayout(arrival) stays with its section while only the neighbour's frames are settled", () => {
  const playout = playing("arrival", planOf("inverted", 3));
  playout.arrived({ start: 76, end: 109 });
  playout.next();
  playout.arrived({ start: 73, end: 109 }); // the final ones of section 2 come first; its own first frame is still missing
  assert.deepEqual(ticks(playout, 2), [77, 78]);
  playout.arrived({ start: 40, end: 73 });
  assert.equal(playout.next()?.start, 40);
});

Deno.test("createPlayout(edge) begins with frame 0, holds at the edge and goes on without a skip", () => {
  const playout = playing("edge", planOf("forward", 2));
  playout.arrived({ start: 0, end: 3 });
  assert.deepEqual(ticks(playout, 5), [0, 1, 2, 2, 2]);
  playout.arrived({ start: 3, end: 6 });
  assert.deepEqual(ticks(playout, 4), [3, 4, 5, 5]);
});

Deno.test("createPlayout(edge) begins with the newest section, and with frame 0 of a whole video", () => {
  const running = playing("edge", planOf("forward", 3));
  running.arrived({ start: 0, end: 73 });
  assert.equal(running.next()?.start, 37);
  const finished = playing("edge", planOf("forward", 3));
  finished.arrived({ start: 0, end: 109 });
  assert.deepEqual(finished.next(), { start: 0, end: 109 });
});

Deno.test("createPlayout(edge) waits for frame 0 when the end is made first", () => {
  const playout = playing("edge", planOf("inverted", 2));
  playout.arrived({ start: 40, end: 73 });
  assert.equal(playout.next(), undefined);
  playout.arrived({ start: 0, end: 40 });
  assert.deepEqual(ticks(playout, 3), [0, 1, 2]);
});

/** Runs one view against arrivals at random ticks and returns what each tick showed. */
function play(view: "arrival" | "edge", schedule: "inverted" | "forward", seed: number) {
  const random = randomOf(seed);
  const plan = planOf(schedule, 1 + Math.floor(random() * 5));
  const playout = playing(view, plan);
  const arrivals = plan.sections.flatMap((section) => pieces(section, random));
  const shown: { run: Shown | undefined; newest: FrameRange | undefined }[] = [];
  let newest: FrameRange | undefined;
  for (let tick = 0; tick < 600; tick++) {
    if (arrivals.length > 0 && random() < 0.05) {
      const range = arrivals.shift()!;
      playout.arrived(range);
      newest = plan.sections.find(({ start }) => start === range.start) ?? newest;
    }
    shown.push({ run: playout.next(), newest });
  }
  return { plan, shown };
}

/** A section in one to three batches, in timeline order. */
function pieces({ start, end }: FrameRange, random: () => number): FrameRange[] {
  const cuts = [0, 1].map(() => start + 1 + Math.floor(random() * (end - start - 1))).sort((a, b) => a - b);
  const edges = [...new Set([start, ...cuts, end])];
  return edges.slice(1).map((edge, k) => ({ start: edges[k]!, end: edge }));
}

const cases = Array.from({ length: 60 }, (_, seed) => seed).flatMap((seed) =>
  (["arrival", "edge"] as const).flatMap((view) =>
    (["inverted", "forward"] as const).map((schedule) => ({ seed, view, schedule }))
  )
);

Deno.test("createPlayout(edge) never skips and never goes back but from the last frame of the whole video", () => {
  for (const { seed, view, schedule } of cases.filter(({ view }) => view === "edge")) {
    const { plan, shown } = play(view, schedule, seed);
    const frames = shown.flatMap(({ run }) => run ? [run.start] : []);
    for (let k = 1; k < frames.length; k++) {
      const step = frames[k]! - frames[k - 1]!;
      const rewinds = frames[k] === 0 && frames[k - 1] === plan.frames - 1;
      assert.ok(step === 0 || step === 1 || rewinds, `seed ${seed}: ${frames[k - 1]} then ${frames[k]}`);
    }
  }
});

Deno.test("createPlayout(arrival) is inside the newest section at every tick", () => {
  for (const { seed, view, schedule } of cases.filter(({ view }) => view === "arrival")) {
    const { shown } = play(view, schedule, seed);
    for (const { run, newest } of shown) {
      if (!newest) assert.equal(run, undefined);
      else assert.ok(run && run.start >= newest.start && run.start < newest.end && run.end <= newest.end);
    }
  }
});

Deno.test("frameOfRun() loops, stays with the last frame, runs backwards and slowly, and knows no frame of an empty range", () => {
  const run = { sinceTick: 0, shows: "frames", start: 5, end: 8, rate: 1, loop: true } as const;
  const frames = (changed: object) => [0, 1, 2, 3, 4].map((ticks) => frameOfRun({ ...run, ...changed }, ticks));
  assert.deepEqual(frames({}), [5, 6, 7, 5, 6]);
  assert.deepEqual(frames({ loop: false }), [5, 6, 7, 7, 7]);
  assert.deepEqual(frames({ rate: -1 }), [7, 6, 5, 7, 6]);
  assert.deepEqual(frames({ rate: -1, loop: false }), [7, 6, 5, 5, 5]);
  assert.deepEqual(frames({ rate: 0.5 }), [5, 5, 6, 6, 7]);
  assert.deepEqual(frames({ end: 5 }), Array(5).fill(undefined));
});
