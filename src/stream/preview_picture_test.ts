import assert from "node:assert/strict";
import { randomOf } from "../../tests/seeded.ts";
import type { PreviewClip } from "../video.ts";
import { createPreviewPainter } from "./preview_picture.ts";

/** Small pictures of random colours. */
function clipOf({ widthPx, heightPx, pictures }: { widthPx: number; heightPx: number; pictures: number }): PreviewClip {
  const random = randomOf(widthPx * 100 + pictures);
  const pixels = Uint8Array.from({ length: pictures * heightPx * widthPx * 3 }, () => Math.floor(random() * 256));
  return { range: { start: 40, end: 73 }, section: 1, step: 3, of: 10, widthPx, heightPx, pictures, pixels };
}

/** The value at a place between small pixels, straight from the definition: a weighted sum of all of them. */
function expected(clip: PreviewClip, frameIndex: number, x: number, y: number, channel: number): number {
  const { range, widthPx, heightPx, pictures, pixels } = clip;
  const time = (frameIndex - range.start) / (range.end - range.start - 1) * (pictures - 1);
  const near = (place: number, index: number) => Math.max(0, 1 - Math.abs(place - index));
  let sum = 0;
  for (let picture = 0; picture < pictures; picture++) {
    for (let row = 0; row < heightPx; row++) {
      for (let column = 0; column < widthPx; column++) {
        const weight = near(time, picture) * near(y, row) * near(x, column);
        sum += weight * pixels[((picture * heightPx + row) * widthPx + column) * 3 + channel]!;
      }
    }
  }
  return sum;
}

Deno.test("paint() is linear in time and between pixel centres", () => {
  const clip = clipOf({ widthPx: 6, heightPx: 4, pictures: 3 });
  const format = { widthPx: 48, heightPx: 32, frameRate: 30 };
  const painter = createPreviewPainter(format);
  for (const frameIndex of [40, 41, 50, 56, 63, 72]) {
    const pixels = painter.paint(clip, frameIndex);
    assert.equal(pixels.length, 48 * 32 * 3);
    for (let y = 0; y < 30; y++) { // the two lowest rows hold the line
      for (let x = 0; x < 48; x++) {
        const smallX = Math.min(5, Math.max(0, (x + 0.5) / 8 - 0.5));
        const smallY = Math.min(3, Math.max(0, (y + 0.5) / 8 - 0.5));
        for (let channel = 0; channel < 3; channel++) {
          const value = expected(clip, frameIndex, smallX, smallY, channel);
          assert.ok(Math.abs(pixels[(y * 48 + x) * 3 + channel]! - value) <= 0.501, `${frameIndex}: ${x}, ${y}`);
        }
      }
    }
  }
});

Deno.test("paint() marks the picture at its bottom edge with how far the section is", () => {
  const grey = clipOf({ widthPx: 8, heightPx: 8, pictures: 1 });
  const pixels = createPreviewPainter({ widthPx: 60, heightPx: 60, frameRate: 30 })
    .paint({ ...grey, pixels: grey.pixels.fill(200) }, 40);
  const at = (x: number, y: number) => [...pixels.subarray((y * 60 + x) * 3, (y * 60 + x) * 3 + 3)];
  assert.deepEqual(at(30, 57), [200, 200, 200]);
  assert.deepEqual([at(0, 58), at(17, 59)], [[0x4f, 0xe0, 0xcb], [0x4f, 0xe0, 0xcb]]); // 3 of 10 steps: 18 of 60 pixels
  assert.ok(Math.max(...at(18, 58), ...at(59, 59)) < 100);
});

Deno.test("paint() gives the same object as long as it is the same picture", () => {
  const clip = clipOf({ widthPx: 8, heightPx: 8, pictures: 2 });
  const painter = createPreviewPainter({ widthPx: 64, heightPx: 64, frameRate: 30 });
  const first = painter.paint(clip, 40);
  assert.equal(painter.paint(clip, 40), first);
  assert.notEqual(painter.paint(clip, 41), first);
  assert.notEqual(painter.paint({ ...clip, step: 4 }, 41), painter.paint(clip, 41));
});
