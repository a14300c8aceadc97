import assert from "node:assert/strict";
import sharp from "sharp";
import { pictureType } from "./picture_type.ts";

for (const format of ["png", "jpeg", "gif", "webp", "avif", "tiff"] as const) {
  Deno.test(`pictureType() knows ${format} by its first bytes`, async () => {
    const picture = sharp({ create: { width: 16, height: 16, channels: 3, background: "red" } });
    assert.equal(pictureType(await picture.toFormat(format).toBuffer()), `image/${format}`);
  });
}

Deno.test("pictureType() takes nothing else for a picture", () => {
  for (const text of ["", "<svg></svg>", "<html>", "RIFFxxxxAVI "]) {
    assert.equal(pictureType(new TextEncoder().encode(text)), "application/octet-stream");
  }
});
