import assert from "node:assert/strict";
import { plainPicture } from "./plain_picture.ts";

const size = { widthPx: 64, heightPx: 48, seed: 7 };

Deno.test("plainPicture() is of one colour", () => {
  for (const [start, colour] of [["black", [0, 0, 0]], ["white", [255, 255, 255]], ["green", [0, 255, 0]]] as const) {
    const { pixels, widthPx, heightPx } = plainPicture(start, size);
    assert.deepEqual([widthPx, heightPx, pixels.length], [64, 48, 64 * 48 * 3]);
    assert.ok(pixels.every((value, index) => value === colour[index % 3]), start);
  }
});

Deno.test("plainPicture() of noise follows from the seed and has every value about equally often", () => {
  const { pixels } = plainPicture("noise", size);
  assert.deepEqual(plainPicture("noise", size).pixels, pixels);
  assert.notDeepEqual(plainPicture("noise", { ...size, seed: 8 }).pixels, pixels);
  assert.equal(new Set(pixels).size, 256);
  const mean = pixels.reduce((sum, value) => sum + value, 0) / pixels.length;
  assert.ok(Math.abs(mean - 127.5) < 4, `${mean}`); // standard error 0.8
});
