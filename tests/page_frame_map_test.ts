/** What the pages read from a frame map, on maps made by the server. */
import assert from "node:assert/strict";
import { createPlayout, defaultWaits, frameOfRun, type Run, views, waits } from "../src/stream/playout.ts";
import type { FrameRange } from "../src/video.ts";
import { planSections, videoPlan } from "../src/engine/sampling/section_plan.ts";
import { endedMap, markFrames, markSection, plannedMap } from "../src/session/frame_map.ts";
import {
  decodedRanges,
  fractionMade,
  growsBackwards,
  nearestDecoded,
  secondsKept,
  sectionAt,
  sectionState,
  statesPresent,
} from "../static/frame_map.js";
import { previewState, previewStateAt } from "../static/thumbnails.js";
import { choiceOf, pictureAtTimestamp, playoutsOf } from "../static/playout.js";

const planned = planSections({ durationSeconds: 10, schedule: "inverted", windowLatentFrames: 9 });
const { format, ...counted } = videoPlan(planned, { widthPx: 64, heightPx: 64 });
const plan = { ...counted, frameRate: format.frameRate };

/** Three of eight sections are there, the fourth is being made. */
function inSection4() {
  const made = markFrames(plannedMap(plan.frames), { start: 217, end: 289 }, "final");
  const joint = markFrames(made, { start: 184, end: 217 }, "provisional");
  return {
    plan,
    state: "running",
    progress: { section: 4 },
    frameMap: markSection(joint, plan.sections[3]!, "sampling"),
  };
}

Deno.test("secondsKept() counts what can be played, whether it may still change or not", () => {
  assert.equal(secondsKept(inSection4()), 3.5);
  assert.deepEqual(decodedRanges(inSection4().frameMap), [{ start: 184, end: 289 }]);
});

Deno.test("nearestDecoded() is the frame itself, or the edge that is nearer", () => {
  const map = [{ start: 0, end: 10, state: "final" }, { start: 10, end: 30, state: "planned" }, {
    start: 30,
    end: 40,
    state: "provisional",
  }];
  assert.deepEqual([5, 12, 25, 39, 80].map((frame) => nearestDecoded(map, frame)), [5, 9, 30, 39, 39]);
  assert.equal(nearestDecoded([{ start: 0, end: 9, state: "sampling" }], 3), undefined);
});

Deno.test("sectionState() is that of the least finished frame, and failed where a failed session stopped", () => {
  const view = inSection4();
  assert.deepEqual(plan.sections.map((_, index) => sectionState(view, index + 1)), [
    "final",
    "final",
    "provisional",
    "sampling",
    "planned",
    "planned",
    "planned",
    "planned",
  ]);
  const failed = { ...view, state: "failed", frameMap: endedMap(view.frameMap, { start: 184, end: 289 }) };
  assert.equal(sectionState(failed, 4), "failed");
  assert.equal(sectionState(failed, 3), "final");
});

Deno.test("sectionAt() counts in making order", () => {
  assert.deepEqual([0, 39, 40, 288, 289].map((frame) => sectionAt(plan, frame)), [8, 8, 7, 1, 0]);
  assert.ok(growsBackwards(plan));
});

Deno.test("statesPresent() follows the order of the key", () => {
  assert.deepEqual(statesPresent(inSection4().frameMap), ["planned", "sampling", "provisional", "final"]);
});

Deno.test("fractionMade() counts a section that is being decoded as made", () => {
  const progress = { section: 4, of: 8, step: 5, steps: 25, phase: "sampling" };
  assert.equal(fractionMade(progress), 0.4);
  assert.equal(fractionMade({ ...progress, phase: "decoding" }), 0.5);
  assert.equal(fractionMade({ ...progress, section: 0, phase: "loading" }), 0);
});

Deno.test("previewStateAt() is the newest preview in the section of the progress, the last step's in one that is decoded meanwhile", () => {
  const view = { plan, settings: { previews: true }, progress: { section: 4, step: 2, steps: 25 } };
  const first = (section: number) => plan.sections[section - 1]!.start;
  const newest = previewState(4, 2);
  assert.equal(previewStateAt(view, first(4), newest), newest);
  assert.equal(previewStateAt(view, first(4), null), null);
  assert.equal(previewStateAt(view, first(3), null), previewState(3, 25));
  assert.equal(previewStateAt({ ...view, settings: { previews: false } }, first(3), null), null);
});

/** Sections come one by one, a preview of each before it, the last one in two parts. */
function factsAt(tick: number, arrivals: readonly FrameRange[]) {
  const made = Math.floor(tick / 50);
  const decoded: FrameRange[] = [];
  for (const { start, end } of arrivals.slice(0, made).sort((a, b) => a.start - b.start)) {
    const last = decoded.at(-1);
    if (last?.end === start) decoded[decoded.length - 1] = { start: last.start, end };
    else decoded.push({ start, end });
  }
  const range = tick % 50 >= 25 ? arrivals[made] : undefined;
  const preview = range ? { range, section: plan.sections.indexOf(range) + 1 } : null;
  return { decoded, preview, isOver: made >= arrivals.length };
}

for (const view of views) {
  for (const wait of waits) {
    Deno.test(`pictureAtTimestamp() knows what the server's playout shows, tick by tick: ${view}, ${wait}`, () => {
      const facts = { plan: { ...plan, format }, ...factsAt(0, []) };
      const choice = { view, wait, previews: "shown" } as const;
      const playout = createPlayout(choice, facts);
      const base = 2 ** 32 - 340 * 3000; // the clock wraps on the way
      const playouts: Parameters<typeof pictureAtTimestamp>[0] = [];
      const arrivals = view === "edge" ? plan.sections.toSorted((a, b) => a.start - b.start) : plan.sections;
      let told: Run | undefined;
      for (let tick = 0; tick < 600; tick++) {
        Object.assign(facts, factsAt(tick, arrivals));
        const run = playout.next(tick);
        if (run !== told) {
          playouts.push({ ...run, ...choice, video: "a", rtpTimestamp: (base + run.sinceTick * 3000) % 2 ** 32 });
        }
        told = run;
        const jitter = tick % 3 * 700 - 700;
        const picture = pictureAtTimestamp(playouts, (base + tick * 3000 + jitter) % 2 ** 32);
        const frame = frameOfRun(run, tick - run.sinceTick);
        assert.deepEqual(picture, { shows: run.shows, hasPlace: run.start < run.end, frame }, `tick ${tick}`);
      }
      assert.ok(playouts.some(({ shows }) => shows === "preview") && playouts.some(({ shows }) => shows === "frames"));
    });
  }
}

Deno.test("pictureAtTimestamp() knows nothing before the first event, and without a timestamp not which frame", () => {
  assert.equal(pictureAtTimestamp([], 1000), undefined);
  const run = { shows: "frames", start: 0, end: 36, rate: 1, loop: true } as const;
  const later = { ...choiceOf("arrival"), ...run, video: "a", rtpTimestamp: 9000 };
  assert.equal(pictureAtTimestamp([later], 3000), undefined);
  assert.deepEqual(pictureAtTimestamp([later], undefined), { shows: "frames", hasPlace: true, frame: undefined });
});

Deno.test("choiceOf() waits as the server does for those who choose no wait", () => {
  for (const view of views) assert.equal(choiceOf(view).wait, defaultWaits[view]);
});

Deno.test("playoutsOf() takes the events of one choice out of a log that holds those of all", () => {
  const one = (view: string, wait: string, start: number) =>
    ({
      ...choiceOf(view),
      video: "a",
      wait,
      shows: "frames",
      rtpTimestamp: 0,
      start,
      end: 9,
      rate: 1,
      loop: true,
    }) as const;
  const log = [one("edge", "hold", 1), one("edge", "slow", 2), one("arrival", "loop", 3), one("edge", "hold", 4)];
  assert.deepEqual(playoutsOf(log, choiceOf("edge")).map(({ start }) => start), [1, 4]);
});
