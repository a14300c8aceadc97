import assert from "node:assert/strict";
import { nearestSize, publishedSizesOf, sizesOfResolution } from "./resolution.ts";

const published = publishedSizesOf(640);
const nearest = (widthPx: number, heightPx: number) => {
  const size = nearestSize({ widthPx, heightPx }, published);
  return [size.widthPx, size.heightPx];
};

Deno.test("nearestSize() finds the size of the same shape", () => {
  assert.deepEqual(nearest(960, 416), [960, 416]);
  assert.deepEqual(nearest(1920, 1080), [832, 480]);
  assert.deepEqual(nearest(1, 1000), [416, 960]);
});

Deno.test("nearestSize() takes the later of two sizes that are equally near", () => {
  assert.deepEqual(nearest(512, 512), [608, 640]);
});

Deno.test("publishedSizesOf() refuses what the published code does not know", () => {
  assert.throws(() => publishedSizesOf(512), {
    name: "RangeError",
    message: "Cannot find sizes for resolution 512: FramePack publishes those of 640 only",
  });
});

Deno.test("sizesOfResolution() is the published list at 640", () => {
  assert.equal(sizesOfResolution(640), published);
});

Deno.test("sizesOfResolution() gives multiples of 16 of about the same area, square in the middle, none twice", () => {
  for (let resolution = 64; resolution <= 2048; resolution++) {
    const sizes = sizesOfResolution(resolution);
    assert.equal(new Set(sizes.map((size) => JSON.stringify(size))).size, sizes.length);
    for (const { widthPx, heightPx } of sizes) {
      assert.ok(widthPx % 16 === 0 && heightPx % 16 === 0 && widthPx > 0 && heightPx > 0);
      const share = widthPx * heightPx / resolution ** 2;
      assert.ok(share > 0.6 && share < 1.6, `${resolution}: ${widthPx}x${heightPx}`);
    }
    if (resolution === 640) continue;
    const square = nearestSize({ widthPx: 1, heightPx: 1 }, sizes);
    assert.equal(square.widthPx, square.heightPx);
  }
});
