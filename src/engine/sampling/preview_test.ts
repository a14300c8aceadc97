import assert from "node:assert/strict";
import { previewFrames, previewRgb } from "./preview.ts";

Deno.test("previewRgb() of zeros is the bias, clamped", () => {
  assert.deepEqual([...previewRgb(new Float32Array(16))], [Math.fround(0.0259), 0, 0]);
});

Deno.test("previewRgb() adds each channel's share", () => {
  const latents = new Float32Array(16);
  latents[10] = 4;
  const [red, green, blue] = previewRgb(latents);
  assert.ok(Math.abs(red! - 0.4923) < 1e-6 && Math.abs(green! - 0.6316) < 1e-6 && Math.abs(blue! - 0.3087) < 1e-6);
});

Deno.test("previewFrames() interleaves the colours and truncates", () => {
  const latents = new Float32Array(16 * 2);
  latents.fill(4, 20, 22); // channel 10 of both latent pixels
  assert.deepEqual([...previewFrames(latents, { channels: 16, height: 1, width: 1 })], [125, 161, 78, 125, 161, 78]);
});

Deno.test("previewFrames() refuses latents that are no whole frames", () => {
  const shape = { channels: 16, height: 1, width: 2 };
  assert.throws(() => previewFrames(new Float32Array(16 * 3), shape), RangeError);
});
