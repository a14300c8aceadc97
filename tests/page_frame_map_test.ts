/** What the pages read from a frame map, on maps made by the server. */
import assert from "node:assert/strict";
import { createPlayout, defaultWaits, frameOfRun, type Run } from "../src/stream/playout.ts";
import type { FrameRange } from "../src/video.ts";
import { planSections, videoPlan } from "../src/engine/sampling/section_plan.ts";
import { endedMap, markFrames, markSection, plannedMap } from "../src/session/frame_map.ts";
import {
  decodedRanges,
  fractionMade,
  growsBackwards,
  secondsKept,
  sectionAt,
  sectionState,
  statesPresent,
} from "../static/frame_map.js";
import { frameAtTimestamp } from "../static/playout.js";

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

Deno.test("frameAtTimestamp() finds the frame that the server's playout shows, tick by tick, over the wrap of the clock", () => {
  for (const view of ["arrival", "edge"] as const) {
    const facts = { plan: { ...plan, format }, decoded: [] as FrameRange[], preview: null, isOver: false };
    const playout = createPlayout({ view, wait: defaultWaits[view], previews: "hidden" }, facts);
    const start = 2 ** 32 - 40 * 3000; // the clock wraps after 40 frames
    const playouts: Parameters<typeof frameAtTimestamp>[0] = [];
    const arrivals = view === "arrival" ? plan.sections : plan.sections.toReversed();
    let told: Run | undefined;
    for (let tick = 0; tick < 200; tick++) {
      if (tick % 50 === 0) {
        const made = arrivals.slice(0, tick / 50 + 1);
        facts.decoded = [{
          start: Math.min(...made.map(({ start }) => start)),
          end: Math.max(...made.map(({ end }) => end)),
        }];
      }
      const run = playout.next(tick);
      const rtpTimestamp = (start + tick * 3000) % 2 ** 32;
      const isNew = run !== told;
      if (isNew) playouts.push({ ...run, view, codec: "vp8", rtpTimestamp });
      told = run;
      const jitter = tick % 3 * 700 - 700;
      const shown = frameAtTimestamp(playouts, (rtpTimestamp + (isNew ? 0 : jitter) + 2 ** 32) % 2 ** 32, 30);
      assert.equal(shown, frameOfRun(run, tick - run.sinceTick), `${view}, tick ${tick}`);
    }
  }
});

Deno.test("frameAtTimestamp() knows nothing before the first event", () => {
  assert.equal(frameAtTimestamp([], 1000, 30), undefined);
  const later = { view: "arrival", codec: "vp8", rtpTimestamp: 9000, start: 0, end: 36, loop: true };
  assert.equal(frameAtTimestamp([later], 3000, 30), undefined);
});
