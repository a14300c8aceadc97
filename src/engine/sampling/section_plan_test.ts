import assert from "node:assert/strict";
import type { FrameRange } from "../../video.ts";
import { latentPaddings, planSections, type Section, sectionCount, videoPlan } from "./section_plan.ts";

const schedules = ["inverted", "forward"] as const;
const windows = [1, 2, 3, 5, 9, 18];
const lengths = [1, 2, 3, 4, 5, 6, 50];

/** Every plan of these windows and lengths. */
function* plans(): Generator<{ name: string; sections: Section[]; windowLatentFrames: number }> {
  for (const schedule of schedules) {
    for (const windowLatentFrames of windows) {
      for (const count of lengths) {
        const durationSeconds = count * 4 * windowLatentFrames / 30;
        const sections = planSections({ durationSeconds, schedule, windowLatentFrames });
        assert.equal(sections.length, count);
        yield { name: `${schedule} L=${windowLatentFrames} n=${count}`, sections, windowLatentFrames };
      }
    }
  }
}

function covers(ranges: readonly FrameRange[], frames: number): boolean {
  const seen = new Uint8Array(frames);
  for (const { start, end } of ranges) for (let i = start; i < end; i++) seen[i]!++;
  return seen.every((times) => times === 1) && ranges.every(({ start, end }) => start >= 0 && end <= frames);
}

Deno.test("planSections() new frames cover 4 L n + 1 frames without gap or overlap", () => {
  for (const { name, sections, windowLatentFrames } of plans()) {
    const { frames, sections: ranges } = videoPlan(sections, { widthPx: 64, heightPx: 64 });
    assert.equal(frames, 4 * windowLatentFrames * sections.length + 1, name);
    assert.ok(covers(ranges, frames), name);
  }
});

Deno.test("planSections() makes every frame final exactly once", () => {
  for (const { name, sections, windowLatentFrames } of plans()) {
    const frames = 4 * windowLatentFrames * sections.length + 1;
    assert.ok(covers(sections.map(({ finalFrames }) => finalFrames), frames), name);
  }
});

Deno.test("planSections() what is decoded is final or provisional, and what is provisional is blended by the next", () => {
  for (const { name, sections } of plans()) {
    for (const [i, section] of sections.entries()) {
      const { decodedFrames, finalFrames, provisionalFrames, overlapFrames } = section;
      const parts = [finalFrames, provisionalFrames ?? { start: 0, end: 0 }]
        .map(({ start, end }) => ({ start: start - decodedFrames.start, end: end - decodedFrames.start }))
        .filter(({ start, end }) => end > start);
      assert.ok(covers(parts, decodedFrames.end - decodedFrames.start), `${name} section ${section.section}`);
      const pending = sections[i - 1]?.provisionalFrames ?? { start: 0, end: 0 };
      assert.equal(pending.end - pending.start, overlapFrames, `${name} section ${section.section}`);
      assert.equal(provisionalFrames === null, section.isLast);
    }
  }
});

Deno.test("planSections() inverted ranges of a video of four windows of nine", () => {
  const sections = planSections({ durationSeconds: 5, schedule: "inverted", windowLatentFrames: 9 });
  assert.deepEqual(sections.map(({ newFrames }) => newFrames), [
    { start: 112, end: 145 },
    { start: 76, end: 112 },
    { start: 40, end: 76 },
    { start: 0, end: 40 },
  ]);
  assert.deepEqual(sections.map(({ finalFrames }) => finalFrames), [
    { start: 145, end: 145 },
    { start: 109, end: 145 },
    { start: 73, end: 109 },
    { start: 0, end: 73 },
  ]);
  assert.deepEqual(sections.map(({ provisionalFrames }) => provisionalFrames), [
    { start: 112, end: 145 },
    { start: 76, end: 109 },
    { start: 40, end: 73 },
    null,
  ]);
});

Deno.test("planSections() forward ranges of a video of four windows of nine", () => {
  const sections = planSections({ durationSeconds: 5, schedule: "forward", windowLatentFrames: 9 });
  assert.deepEqual(sections.map(({ newFrames }) => newFrames), [
    { start: 0, end: 37 },
    { start: 37, end: 73 },
    { start: 73, end: 109 },
    { start: 109, end: 145 },
  ]);
  assert.deepEqual(sections.map(({ finalFrames }) => finalFrames), [
    { start: 0, end: 4 },
    { start: 4, end: 40 },
    { start: 40, end: 76 },
    { start: 76, end: 145 },
  ]);
});

Deno.test("planSections() time indices stay below 56, the largest of training", () => {
  const [first] = planSections({ durationSeconds: 30, schedule: "inverted", windowLatentFrames: 9 });
  assert.deepEqual(first!.indices.noisy, [28, 29, 30, 31, 32, 33, 34, 35, 36]);
  assert.deepEqual(first!.indices.clean1x, [0, 37]);
  assert.deepEqual(first!.indices.clean2x, [38, 39]);
  assert.equal(first!.indices.clean4x.at(-1), 55);
});

Deno.test("planSections() forward time indices are the same in every section", () => {
  const sections = planSections({ durationSeconds: 5, schedule: "forward", windowLatentFrames: 9 });
  for (const { indices } of sections) {
    assert.deepEqual(indices.noisy, [20, 21, 22, 23, 24, 25, 26, 27, 28]);
    assert.deepEqual([indices.clean1x, indices.clean2x], [[0, 19], [17, 18]]);
    assert.deepEqual([indices.clean4x[0], indices.clean4x.at(-1)], [1, 16]);
  }
});

Deno.test("sectionCount() rounds ties to even and is never below one", () => {
  assert.equal(sectionCount(0.3, 9), 1);
  assert.equal(sectionCount(3, 9), 2); // 2.5
  assert.equal(sectionCount(4.2, 9), 4); // 3.5
  assert.equal(sectionCount(5, 9), 4);
  assert.equal(sectionCount(120, 9), 100);
});

Deno.test("latentPaddings() repeats 2 in long videos", () => {
  assert.deepEqual(latentPaddings(1), [0]);
  assert.deepEqual(latentPaddings(4), [3, 2, 1, 0]);
  assert.deepEqual(latentPaddings(5), [3, 2, 2, 1, 0]);
  assert.deepEqual(latentPaddings(8), [3, 2, 2, 2, 2, 2, 1, 0]);
});
