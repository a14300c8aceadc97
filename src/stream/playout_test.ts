import assert from "node:assert/strict";
import { footageOf, planOf } from "../../tests/footage_world.ts";
import type { FrameRange, VideoPlan } from "../video.ts";
import { createPlayout, frameOfRun, type Run, type View, type ViewChoice, type Wait } from "./playout.ts";

/** One viewer who counts ticks from 0 and sees everything that happens at once. */
function watching(view: View, wait: Wait, plan: VideoPlan, previews: ViewChoice["previews"] = "hidden") {
  const footage = footageOf(plan);
  const playout = createPlayout({ view, wait, previews }, footage.facts);
  const told: Run[] = [];
  let tick = 0;
  return {
    ...footage,
    /** Every run so far. */
    told,
    /** What the next `count` ticks show: frames as numbers, `p` before those of a preview. */
    ticks(count: number): (number | string)[] {
      return Array.from({ length: count }, () => {
        const run = playout.next(tick);
        if (run !== told.at(-1)) told.push(run);
        const frameIndex = frameOfRun(run, tick++ - run.sinceTick);
        return run.shows === "frames" ? frameIndex! : run.shows === "preview" ? `p${frameIndex}` : "slate";
      });
    },
    lose(ticks: number): void {
      tick += ticks;
    },
  };
}

function from(start: number, end: number): number[] {
  return Array.from({ length: end - start }, (_, k) => start + k);
}

const twice = <Item>(items: readonly Item[]): Item[] => [...items, ...items];
const third: FrameRange = { start: 73, end: 109 }; // of forward sections

Deno.test("every view shows a slate before anything exists, and the preview in a loop before frames do", () => {
  for (const view of ["arrival", "growing", "edge"] as const) {
    const viewer = watching(view, "loop", planOf("inverted", 2), "shown");
    assert.deepEqual(viewer.ticks(2), ["slate", "slate"]);
    viewer.previewed(1);
    const preview = from(40, 73).map((frameIndex) => `p${frameIndex}`);
    assert.deepEqual(viewer.ticks(66), twice(preview));
    viewer.previewed(1); // a sharper one goes on where the one before was
    assert.deepEqual(viewer.ticks(2), ["p40", "p41"]);
    assert.deepEqual(viewer.told.map(({ shows }) => shows), ["slate", "preview"]);
  }
});

Deno.test("arrival shows a new section at the next tick and then loops it", () => {
  const viewer = watching("arrival", "loop", planOf("inverted", 2));
  viewer.arrived({ start: 40, end: 73 });
  assert.deepEqual(viewer.ticks(50), [...from(40, 73), ...from(40, 57)]);
  viewer.arrived({ start: 0, end: 40 });
  assert.deepEqual(viewer.ticks(2), [0, 1]);
  assert.equal(viewer.told.length, 2);
});

Deno.test("arrival stays with its section while only frames at the joint have come", () => {
  const viewer = watching("arrival", "loop", planOf("inverted", 3));
  viewer.arrived({ start: 76, end: 109 });
  viewer.ticks(1);
  viewer.arrived({ start: 73, end: 76 });
  assert.deepEqual(viewer.ticks(2), [77, 78]);
  viewer.arrived({ start: 40, end: 73 });
  assert.deepEqual(viewer.ticks(1), [40]);
});

Deno.test("arrival plays pieces of a section as they come", () => {
  const viewer = watching("arrival", "loop", planOf("forward", 2));
  viewer.arrived({ start: 0, end: 3 });
  assert.deepEqual(viewer.ticks(5), [0, 1, 2, 2, 2]);
  viewer.arrived({ start: 3, end: 37 });
  assert.deepEqual(viewer.ticks(36), [...from(3, 37), 0, 1]);
});

Deno.test("arrival plays the newest section once, then the preview of the next one until that comes", () => {
  const viewer = watching("arrival", "loop", planOf("forward", 3), "shown");
  viewer.arrived({ start: 0, end: 37 });
  assert.deepEqual(viewer.ticks(5), from(0, 5));
  viewer.previewed(2);
  assert.deepEqual(viewer.ticks(34), [...from(5, 37), "p37", "p38"]);
  viewer.arrived({ start: 37, end: 73 });
  assert.deepEqual(viewer.ticks(37), [...from(37, 73), 37]);
});

Deno.test("arrival shows the newest section again when the next one will never come", () => {
  const viewer = watching("arrival", "hold", planOf("forward", 3), "shown");
  viewer.arrived({ start: 0, end: 37 });
  viewer.previewed(2);
  assert.deepEqual(viewer.ticks(39).slice(36), [36, "p37", "p38"]);
  viewer.end();
  assert.deepEqual(viewer.ticks(39), [...from(0, 37), 36, 36]);
});

Deno.test("arrival holds the last frame, or goes there and back, as chosen", () => {
  const plan = planOf("forward", 2);
  const whole = from(0, 37);
  const held = watching("arrival", "hold", plan);
  held.arrived({ start: 0, end: 37 });
  assert.deepEqual(held.ticks(40), [...whole, 36, 36, 36]);
  const turning = watching("arrival", "ping-pong", plan);
  turning.arrived({ start: 0, end: 37 });
  assert.deepEqual(turning.ticks(75), [...whole, ...whole.toReversed().slice(1), 1, 2]);
});

Deno.test("arrival stretches a section over the time that it was waited for", () => {
  const viewer = watching("arrival", "slow", planOf("forward", 3));
  viewer.arrived({ start: 0, end: 37 });
  assert.deepEqual(viewer.ticks(144).slice(0, 38), [...from(0, 37), 0]); // how long the next one takes is not known yet
  viewer.arrived({ start: 37, end: 73 });
  const slow = from(37, 73).flatMap((frameIndex) => twice(twice([frameIndex])));
  assert.deepEqual(viewer.ticks(288), twice(slow));
  assert.equal(viewer.told.at(-1)!.rate, 0.25);
  assert.equal(viewer.told.length, 2);
});

Deno.test("growing loops over all frames and takes in new ones at both sides without a jump", () => {
  const viewer = watching("growing", "loop", planOf("inverted", 4));
  viewer.arrived({ start: 76, end: 80 });
  assert.deepEqual(viewer.ticks(6), [76, 77, 78, 79, 76, 77]);
  viewer.arrived({ start: 74, end: 82 });
  assert.deepEqual(viewer.ticks(7), [78, 79, 80, 81, 74, 75, 76]);
  assert.equal(viewer.told.length, 3);
});

Deno.test("growing leaves gaps out", () => {
  const viewer = watching("growing", "loop", planOf("inverted", 4));
  viewer.arrived({ start: 10, end: 12 });
  viewer.arrived({ start: 50, end: 53 });
  assert.deepEqual(viewer.ticks(7), [10, 11, 50, 51, 52, 10, 11]);
});

Deno.test("timeline fills in place: slates, then the preview, then frames, under one playhead", () => {
  const viewer = watching("timeline", "loop", planOf("inverted", 2), "shown");
  assert.deepEqual(viewer.ticks(73), Array(73).fill("slate"));
  viewer.previewed(1);
  assert.deepEqual(viewer.ticks(73), [...Array(40).fill("slate"), ...from(40, 73).map((index) => `p${index}`)]);
  viewer.ticks(50);
  viewer.arrived({ start: 40, end: 73 }); // while the playhead is inside
  assert.deepEqual(viewer.ticks(23), from(50, 73));
  viewer.arrived({ start: 0, end: 40 });
  assert.deepEqual(viewer.ticks(146), twice(from(0, 73)));
  assert.deepEqual({ ...viewer.told.at(-1)!, sinceTick: 0 }, {
    sinceTick: 0,
    shows: "frames",
    start: 0,
    end: 73,
    rate: 1,
    loop: true,
  });
});

Deno.test("timeline shows what exists, without gaps, when nothing more will come", () => {
  const viewer = watching("timeline", "loop", planOf("inverted", 3));
  viewer.arrived({ start: 76, end: 109 });
  assert.deepEqual(viewer.ticks(80), [...Array(76).fill("slate"), 76, 77, 78, 79]);
  viewer.end();
  assert.deepEqual(viewer.ticks(62), [...from(80, 109), ...from(76, 109)]);
});

Deno.test("edge begins with frame 0, holds at the edge and goes on without a skip", () => {
  const viewer = watching("edge", "hold", planOf("forward", 2));
  viewer.arrived({ start: 0, end: 3 });
  assert.deepEqual(viewer.ticks(5), [0, 1, 2, 2, 2]);
  viewer.arrived({ start: 3, end: 6 });
  assert.deepEqual(viewer.ticks(4), [3, 4, 5, 5]);
});

Deno.test("edge begins with the newest section, and with the first frame when all is over", () => {
  const running = watching("edge", "hold", planOf("forward", 3));
  running.arrived({ start: 0, end: 73 });
  assert.deepEqual(running.ticks(1), [37]);
  const finished = watching("edge", "hold", planOf("forward", 3));
  finished.arrived({ start: 0, end: 109 });
  finished.end();
  assert.deepEqual(finished.ticks(218), twice(from(0, 109)));
});

Deno.test("edge waits for frame 0 when the end is made first", () => {
  const viewer = watching("edge", "hold", planOf("inverted", 2));
  viewer.arrived({ start: 40, end: 73 });
  assert.deepEqual(viewer.ticks(1), ["slate"]);
  viewer.arrived({ start: 0, end: 40 });
  assert.deepEqual(viewer.ticks(3), [0, 1, 2]);
});

Deno.test("edge loops the newest section, or goes there and back, and leaves for new frames from wherever it is", () => {
  const looping = watching("edge", "loop", planOf("forward", 3));
  looping.arrived({ start: 0, end: 73 });
  assert.deepEqual(looping.ticks(46), [...from(37, 73), ...from(37, 47)]);
  looping.arrived(third);
  assert.deepEqual(looping.ticks(4), from(47, 51));
  const turning = watching("edge", "ping-pong", planOf("forward", 4));
  turning.arrived({ start: 0, end: 73 });
  assert.deepEqual(turning.ticks(39), [...from(37, 73), 71, 70, 69]);
  turning.arrived(third);
  assert.deepEqual(turning.ticks(40), [...from(70, 109), 107]);
});

Deno.test("edge plays on and then the whole when the video is over", () => {
  const viewer = watching("edge", "hold", planOf("forward", 3));
  viewer.arrived({ start: 0, end: 37 });
  viewer.ticks(10);
  viewer.arrived({ start: 37, end: 73 });
  viewer.end();
  assert.deepEqual(viewer.ticks(65), [...from(10, 73), 0, 1]);
});

Deno.test("edge loses time but no frame when ticks are lost", () => {
  const viewer = watching("edge", "hold", planOf("forward", 2));
  viewer.arrived({ start: 0, end: 37 });
  assert.deepEqual(viewer.ticks(10), from(0, 10));
  viewer.lose(50);
  assert.deepEqual(viewer.ticks(3), [10, 11, 12]);
  assert.equal(viewer.told.length, 2);
});

Deno.test("edge with slow plays as fast as frames come: it neither runs dry nor falls behind", () => {
  const plan = planOf("forward", 20);
  const viewer = watching("edge", "slow", plan);
  const shown: number[] = [];
  for (const section of plan.sections) {
    viewer.arrived(section);
    if (section !== plan.sections.at(-1)) shown.push(...viewer.ticks(144) as number[]); // 36 frames in 144 ticks
  }
  const steady = shown.slice(144 * 6);
  const longest = longestStay(steady);
  assert.ok(longest <= 5, `a frame stayed for ${longest} ticks`);
  assert.ok(shown.length / 4 - shown.at(-1)! < 60, `${shown.at(-1)} of ${shown.length / 4}`);
  for (const [k, frameIndex] of shown.entries()) assert.ok(k === 0 || frameIndex - shown[k - 1]! <= 1);
});

function longestStay(frames: readonly number[]): number {
  let longest = 0;
  let stay = 0;
  for (const [k, frameIndex] of frames.entries()) {
    stay = frames[k - 1] === frameIndex ? stay + 1 : 1;
    longest = Math.max(longest, stay);
  }
  return longest;
}

Deno.test("previews are left out for those who hide them", () => {
  for (const view of ["arrival", "growing", "timeline", "edge"] as const) {
    const viewer = watching(view, "loop", planOf("inverted", 2), "hidden");
    viewer.previewed(1);
    assert.deepEqual(viewer.ticks(3), ["slate", "slate", "slate"]);
  }
});

Deno.test("a run that lasts is told again each hour, since RTP timestamps come round", () => {
  const day = 24 * 3600 * 30;
  for (const [view, wait] of [["growing", "loop"], ["arrival", "hold"], ["arrival", "loop"]] as const) {
    const footage = footageOf(planOf("forward", 1));
    footage.arrived({ start: 0, end: 37 });
    const playout = createPlayout({ view, wait, previews: "hidden" }, footage.facts);
    const first = playout.next(0);
    let told = new Set<Run>();
    for (let tick = 1; tick < day; tick += 7) {
      const run = playout.next(tick);
      assert.equal(frameOfRun(run, tick - run.sinceTick), frameOfRun(first, tick));
      assert.ok(run.sinceTick > tick - 2 * 3600 * 30);
      told = told.add(run);
    }
    assert.ok(told.size >= 23 && told.size <= 26, `${told.size} runs`);
  }
});

Deno.test("frameOfRun() loops, stays, runs backwards and slowly, and knows no frame of an empty range", () => {
  const run = { start: 5, end: 8, rate: 1, loop: true };
  const frames = (changed: object) => from(0, 5).map((ticks) => frameOfRun({ ...run, ...changed }, ticks));
  assert.deepEqual(frames({}), [5, 6, 7, 5, 6]);
  assert.deepEqual(frames({ loop: false }), [5, 6, 7, 7, 7]);
  assert.deepEqual(frames({ rate: -1 }), [7, 6, 5, 7, 6]);
  assert.deepEqual(frames({ rate: -1, loop: false }), [7, 6, 5, 5, 5]);
  assert.deepEqual(frames({ rate: 0.5 }), [5, 5, 6, 6, 7]);
  assert.deepEqual(frames({ end: 5 }), Array(5).fill(undefined));
});
