import assert from "node:assert/strict";
import { beginHistory, extendHistory, type LatentHistory, splitLatentFrames } from "./history.ts";
import { hunyuanVideoRgb, previewClip, previewFrames, previewRgb } from "./preview.ts";
import { planSections, type Section } from "./section_plan.ts";

Deno.test("previewRgb() of zeros is the bias, clamped", () => {
  assert.deepEqual([...previewRgb(new Float32Array(16), hunyuanVideoRgb)], [Math.fround(0.0259), 0, 0]);
});

Deno.test("previewRgb() adds each channel's share", () => {
  const latents = new Float32Array(16);
  latents[10] = 4;
  const [red, green, blue] = previewRgb(latents, hunyuanVideoRgb);
  assert.ok(Math.abs(red! - 0.4923) < 1e-6 && Math.abs(green! - 0.6316) < 1e-6 && Math.abs(blue! - 0.3087) < 1e-6);
});

Deno.test("previewFrames() interleaves the colours and truncates", () => {
  const latents = new Float32Array(16 * 2);
  latents.fill(4, 20, 22); // channel 10 of both latent pixels
  assert.deepEqual([...previewFrames(latents, { channels: 16, height: 1, width: 1 }, hunyuanVideoRgb)], [
    125,
    161,
    78,
    125,
    161,
    78,
  ]);
});

Deno.test("previewFrames() refuses latents that are no whole frames", () => {
  const shape = { channels: 16, height: 1, width: 2 };
  assert.throws(() => previewFrames(new Float32Array(16 * 3), shape, hunyuanVideoRgb), RangeError);
});

const shape = { channels: 16, height: 1, width: 1 };
/** A latent frame of one pixel whose colour tells its number. */
const frameOf = (number: number) => new Float32Array(16).fill(number);
/** Red is twice the latent in 255ths; the other colours are 0. */
const redMap = {
  factors: Array.from({ length: 16 }, (_, channel) => [channel === 0 ? 2 / 255 : 0, 0, 0] as const),
  bias: [0.25 / 255, 0, 0] as const, // nothing is truncated away
};
const startNumber = 100;

/** The clips of all sections after step 3 of 6, when every latent frame is numbered in making order; the start has 100. */
function clipsOf(schedule: "inverted" | "forward", durationSeconds: number, windowLatentFrames = 9) {
  const sections = planSections({ schedule, durationSeconds, windowLatentFrames });
  let history: LatentHistory<Float32Array> = beginHistory(schedule, frameOf(startNumber));
  return sections.map((section) => {
    const denoised = windowOf(section);
    const clip = previewClip(section, history, { step: 3, of: 6, denoised }, shape, redMap);
    history = extendHistory(history, section, splitLatentFrames(denoised, shape));
    return { section, clip };
  });
}

/** [1, 16, latentFrames, 1, 1] */
function windowOf({ section, windowLatentFrames: count }: Section): Float32Array {
  return Float32Array.from({ length: 16 * count }, (_, i) => (section - 1) * count + (i % count));
}

const shownNumbers = (pixels: Uint8Array) => [...pixels].filter((_, i) => i % 3 === 0).map((red) => red / 2);

Deno.test("previewClip() shows the window, the start frame it reaches, and the neighbour at a joint", () => {
  const inverted = clipsOf("inverted", 3.6).map(({ clip }) => [clip.range, shownNumbers(clip.pixels)]);
  assert.deepEqual(inverted, [
    [{ start: 76, end: 109 }, [0, 1, 2, 3, 4, 5, 6, 7, 8]],
    [{ start: 40, end: 77 }, [9, 10, 11, 12, 13, 14, 15, 16, 17, 0]],
    [{ start: 0, end: 41 }, [startNumber, 18, 19, 20, 21, 22, 23, 24, 25, 26, 9]],
  ]);
  const forward = clipsOf("forward", 3.6).map(({ clip }) => [clip.range, shownNumbers(clip.pixels)]);
  assert.deepEqual(forward, [
    [{ start: 0, end: 37 }, [startNumber, 0, 1, 2, 3, 4, 5, 6, 7, 8]],
    [{ start: 36, end: 73 }, [8, 9, 10, 11, 12, 13, 14, 15, 16, 17]],
    [{ start: 72, end: 109 }, [17, 18, 19, 20, 21, 22, 23, 24, 25, 26]],
  ]);
});

Deno.test("previewClip() covers what is new, 4 frames from picture to picture, and at most one frame of a neighbour", () => {
  for (const schedule of ["inverted", "forward"] as const) {
    for (const [durationSeconds, window] of [[1, 9], [2.4, 9], [12, 9], [1, 1], [1, 3], [3, 12]] as const) {
      for (
        const { section: { newFrames }, clip: { range, pictures, pixels } } of clipsOf(
          schedule,
          durationSeconds,
          window,
        )
      ) {
        assert.equal(range.end - range.start, 4 * pictures - 3);
        assert.equal(pixels.length, pictures * 3);
        assert.ok(range.start === newFrames.start || range.start === newFrames.start - 1);
        assert.ok(range.end === newFrames.end || range.end === newFrames.end + 1);
      }
    }
  }
});

Deno.test("previewClip() tells section, step and size", () => {
  const { clip } = clipsOf("forward", 2.4)[1]!;
  const { section, step, of, widthPx, heightPx } = clip;
  assert.deepEqual({ section, step, of, widthPx, heightPx }, { section: 2, step: 3, of: 6, widthPx: 1, heightPx: 1 });
});
