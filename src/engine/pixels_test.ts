import assert from "node:assert/strict";
import { siglipPixels } from "./pixels.ts";

const preprocessing = {
  widthPx: 2,
  heightPx: 1,
  rescaleFactor: 0.00392156862745098,
  mean: [0.5, 0.5, 0.25],
  std: [0.5, 0.5, 0.125],
} as const;

Deno.test("siglipPixels() gives one normalized plane per colour", () => {
  const image = { widthPx: 2, heightPx: 1, pixels: Uint8Array.of(0, 255, 51, 255, 0, 102) };
  const { shape, data } = siglipPixels(image, preprocessing);
  assert.deepEqual(shape, [3, 1, 2]);
  const blue = [0.2, 0.4].map((value) => (Math.fround(value) - 0.25) / 0.125);
  assert.deepEqual([...data], [-1, 1, 1, -1, ...blue.map(Math.fround)]);
});

Deno.test("siglipPixels() squeezes the picture to the encoder's size", () => {
  const image = { widthPx: 4, heightPx: 6, pixels: new Uint8Array(4 * 6 * 3).fill(255) };
  const { shape, data } = siglipPixels(image, { ...preprocessing, mean: [0, 0, 0], std: [1, 1, 1] });
  assert.deepEqual(shape, [3, 1, 2]);
  assert.ok(data.every((value) => value === 1));
});
