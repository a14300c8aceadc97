import assert from "node:assert/strict";
import { randomOf } from "../../tests/seeded.ts";
import type { FrameRange } from "../video.ts";
import { frameAfter, framesBefore, framesIn, rangeAt, withRange } from "./frame_ranges.ts";

Deno.test("withRange() holds the frames that were added, as few ranges in timeline order, whatever is added", () => {
  for (let seed = 0; seed < 200; seed++) {
    const random = randomOf(seed);
    const present = new Set<number>();
    let ranges: readonly FrameRange[] = [];
    for (let added = 0; added < 12; added++) {
      const start = Math.floor(random() * 60);
      const range = { start, end: start + Math.floor(random() * 12) };
      const before = ranges;
      const isNews = Array.from({ length: range.end - start }, (_, k) => start + k).some((frame) =>
        !present.has(frame)
      );
      for (let frame = start; frame < range.end; frame++) present.add(frame);
      ranges = withRange(ranges, range);
      assert.equal(ranges !== before, isNews);
      for (let frame = 0; frame < 80; frame++) assert.equal(rangeAt(ranges, frame) !== undefined, present.has(frame));
      assert.ok(ranges.every(({ start, end }, k) => start < end && (k === 0 || ranges[k - 1]!.end < start)));
    }
    assert.equal(framesIn(ranges), present.size);
    for (const [k, frame] of [...present].sort((a, b) => a - b).entries()) {
      assert.equal(framesBefore(ranges, frame), k);
      assert.equal(frameAfter(ranges, k), frame);
    }
    assert.throws(() => frameAfter(ranges, present.size), RangeError);
  }
});
