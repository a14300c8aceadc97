import assert from "node:assert/strict";
import { planSections, type Section } from "./section_plan.ts";
import { frameBatches, type PixelClip, rgb24, softAppend, stitch } from "./stitch.ts";

/** Planes filled with one value per frame. */
function clip(values: readonly number[], heightPx = 1, widthPx = 2): PixelClip {
  const area = heightPx * widthPx;
  const data = Float32Array.from(
    { length: 3 * values.length * area },
    (_, i) => values[Math.floor(i / area) % values.length]!,
  );
  return { data, frames: values.length, heightPx, widthPx };
}

/** The first plane's value of each frame. */
function valuesOf({ data, frames, heightPx, widthPx }: PixelClip): number[] {
  return Array.from({ length: frames }, (_, frame) => data[frame * heightPx * widthPx]!);
}

Deno.test("softAppend() fades linearly from 1 to 0 over the shared frames", () => {
  const joined = softAppend(clip([9, 1, 1, 1, 1, 1]), clip([0, 0, 0, 0, 0, 7]), 5);
  assert.deepEqual(valuesOf(joined), [9, 1, 0.75, 0.5, 0.25, 0, 7]);
});

Deno.test("softAppend() without overlap concatenates", () => {
  assert.deepEqual(valuesOf(softAppend(clip([1, 2]), clip([3]), 0)), [1, 2, 3]);
});

Deno.test("softAppend() of one shared frame keeps the first clip's", () => {
  assert.deepEqual(valuesOf(softAppend(clip([1, 2]), clip([3, 4]), 1)), [1, 2, 4]);
});

Deno.test("softAppend() refuses an overlap longer than a clip", () => {
  assert.throws(() => softAppend(clip([1, 2]), clip([3]), 2), {
    name: "RangeError",
    message: "Cannot blend 2 frames of clips with 2 and 1 frames",
  });
});

Deno.test("rgb24() clamps, scales and truncates, pixels interleaved", () => {
  const data = Float32Array.of(-2, 0, /* green */ 0.999, 1, /* blue */ 5, -0.5);
  const pixels = rgb24({ data, frames: 1, heightPx: 1, widthPx: 2 });
  assert.deepEqual([...pixels], [0, 254, 255, 127, 255, 63]);
});

/** Decoder frames as the real one: each frame's own value, plus a trace of the section it was decoded in. */
function decode({ decodedFrames: { start, end }, section }: Section): PixelClip {
  return clip(Array.from({ length: end - start }, (_, i) => (start + i) / 1000 + section / 10));
}

for (const schedule of ["inverted", "forward"] as const) {
  Deno.test(`stitch() ${schedule}: sections put in place equal one soft append after the other`, () => {
    for (const [windowLatentFrames, count] of [[9, 1], [9, 4], [5, 3], [1, 6]] as const) {
      const durationSeconds = count * 4 * windowLatentFrames / 30;
      const sections = planSections({ durationSeconds, schedule, windowLatentFrames });
      const timeline: (number | undefined)[] = [];
      let pending: PixelClip | null = null;
      let whole: PixelClip | null = null;
      for (const section of sections) {
        const decoded = decode(section);
        const stitched = stitch(section, decoded, pending);
        valuesOf(stitched.final ?? clip([])).forEach((value, i) => timeline[section.finalFrames.start + i] = value);
        pending = stitched.provisional;
        whole = whole === null
          ? decoded
          : schedule === "inverted"
          ? softAppend(decoded, whole, section.overlapFrames)
          : softAppend(whole, decoded, section.overlapFrames);
      }
      assert.equal(pending, null);
      assert.deepEqual(timeline, valuesOf(whole!));
    }
  });

  Deno.test(`frameBatches() ${schedule}: final before provisional, each frame final once`, () => {
    const sections = planSections({ durationSeconds: 5, schedule, windowLatentFrames: 9 });
    const times = new Uint8Array(145);
    let pending: PixelClip | null = null;
    for (const section of sections) {
      const stitched = stitch(section, decode(section), pending);
      const batches = frameBatches(section, stitched);
      assert.deepEqual(
        batches.map(({ state }) => state),
        batches.length === 1 ? [section.isLast ? "final" : "provisional"] : ["final", "provisional"],
      );
      for (const { firstFrameIndex, pixels, state } of batches) {
        assert.ok(pixels.length > 0);
        for (let i = 0; state === "final" && i < pixels.length / 6; i++) times[firstFrameIndex + i]!++;
      }
      pending = stitched.provisional;
    }
    assert.ok(times.every((count) => count === 1));
  });
}
