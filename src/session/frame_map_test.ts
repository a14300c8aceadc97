import assert from "node:assert/strict";
import type { FrameRange } from "../video.ts";
import {
  endedMap,
  type FrameMap,
  keptRange,
  leastState,
  markFrames,
  markSection,
  plannedMap,
  stateAt,
} from "./frame_map.ts";

/** Small seeded generator (mulberry32), so that a failure can be repeated. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

function assertCovers(map: FrameMap, frames: number): void {
  assert.equal(map[0]?.start, 0);
  assert.equal(map.at(-1)?.end, frames);
  for (const [index, range] of map.entries()) {
    assert.ok(range.start < range.end, `empty range in ${JSON.stringify(map)}`);
    const next = map[index + 1];
    if (next) {
      assert.equal(next.start, range.end);
      assert.notEqual(next.state, range.state, `neighbours not joined in ${JSON.stringify(map)}`);
    }
  }
}

const states = ["planned", "sampling", "decoding", "provisional", "final"] as const;

Deno.test("a frame map covers [0, frames) after any marks, and is the same as marking frame by frame", () => {
  for (let seed = 1; seed <= 300; seed++) {
    const next = random(seed);
    const frames = 1 + next(80);
    let map = plannedMap(frames);
    const model = new Array<string>(frames).fill("planned");
    for (let turn = 0; turn < 20; turn++) {
      const start = next(frames + 10) - 5, end = start + next(frames);
      const state = states[next(states.length)]!;
      const sectionOnly = next(2) === 1 && (state === "sampling" || state === "decoding");
      map = sectionOnly ? markSection(map, { start, end }, state) : markFrames(map, { start, end }, state);
      for (let frame = Math.max(0, start); frame < Math.min(frames, end); frame++) {
        if (!sectionOnly || !["provisional", "final"].includes(model[frame]!)) model[frame] = state;
      }
      assertCovers(map, frames);
      assert.deepEqual(model.map((_, frame) => stateAt(map, frame)), model);
    }
    const kept = keptRange(map);
    const ended = endedMap(map, kept);
    assertCovers(ended, frames);
    for (let frame = 0; frame < frames; frame++) {
      const inside = kept !== null && kept.start <= frame && frame < kept.end;
      assert.equal(stateAt(ended, frame), inside ? "final" : "planned");
      if (inside) assert.ok(["provisional", "final"].includes(model[frame]!), "only frames that exist are kept");
    }
  }
});

Deno.test("keptRange() is the longest run, provisional and final together", () => {
  let map = plannedMap(145);
  assert.equal(keptRange(map), null);
  map = markFrames(map, { start: 76, end: 109 }, "provisional");
  map = markFrames(map, { start: 109, end: 145 }, "final");
  map = markFrames(map, { start: 40, end: 50 }, "provisional");
  assert.deepEqual(keptRange(map), { start: 76, end: 145 } satisfies FrameRange);
});

Deno.test("markSection() leaves frames that exist as they are", () => {
  const map = markFrames(plannedMap(73), { start: 40, end: 73 }, "provisional");
  assert.deepEqual(markSection(map, { start: 0, end: 73 }, "sampling"), [
    { start: 0, end: 40, state: "sampling" },
    { start: 40, end: 73, state: "provisional" },
  ]);
});

Deno.test("stateAt() is null outside the video", () => {
  assert.equal(stateAt(plannedMap(10), 10), null);
  assert.equal(stateAt(plannedMap(10), -1), null);
});

Deno.test("leastState() of a range is that of its least frame", () => {
  let map = plannedMap(10);
  map = markFrames(map, { start: 4, end: 10 }, "final");
  map = markFrames(map, { start: 3, end: 5 }, "provisional");
  assert.equal(leastState(map, { start: 5, end: 10 }), "final");
  assert.equal(leastState(map, { start: 3, end: 4 }), "provisional");
  assert.equal(leastState(map, { start: 4, end: 6 }), "provisional");
  assert.equal(leastState(map, { start: 2, end: 10 }), null);
});
