/** Expected bytes were computed with Pillow 11.1.0, the version the reference pins; later ones may swap the two passes. */
import assert from "node:assert/strict";
import type { RgbImage } from "../video.ts";
import { bicubic, lanczos, resize, resizeAndCenterCrop } from "./resample.ts";

const filters = { lanczos, bicubic };
const resized: readonly [filter: keyof typeof filters, widthPx: number, heightPx: number, hex: string][] = [
  ["lanczos", 3, 2, "5d3895778f92bbb0858b59a6896f53afa348"],
  [
    "lanczos",
    4,
    6,
    "1514544f23dd81ae64c14fb08847894268c4d5a48f92c4cec539b43e7a7dccde83abb85a6a69a15a4b5c81d725d59226648ba58842708a7322b4ae65d525d29e577cb34e7e938c57",
  ],
  ["lanczos", 7, 2, "912d984c4d7d455a9e6b6cd4b6e433deb7937f7ca8a269aa925ec255404fba875a706a57cddb22a3756c"],
  ["lanczos", 2, 5, "3731939f7c9d8768a4a5c2ac766088a4b83d626f719f8f35b53ea4a06e66"],
  ["bicubic", 3, 2, "633d92798a96b5ad878959a38a6e57ada049"],
  [
    "bicubic",
    4,
    6,
    "11165b5129d887a865bb52b9914290496ec0cdab8e93c0ccb33faf4a737ebbd778aeb2617666a561555b87c734cd99306589a285486a847526bba95dd42bd19a567cb24b7f968f59",
  ],
  ["bicubic", 7, 2, "932c9c504b7c445b9f6f6cd4b7e036dbb6927f7eaa9c69a88f5bbe583e53b7855c716b55cbd823a57370"],
  ["bicubic", 2, 5, "3a2f959c7b9a846aa5a9c0ac775e86a6b63f646f739e9237b440a2a16d68"],
];

const cropped: readonly [
  widthPx: number,
  heightPx: number,
  targetWidthPx: number,
  targetHeightPx: number,
  croppedWidthPx: number,
  croppedHeightPx: number,
  hex: string,
][] = [
  [
    6,
    9,
    4,
    4,
    4,
    4,
    "cfb0e09363a1565795799c6da6c32eada7207d809b803ea071574ab27467a37c6bd9589f6d6470985b66a5764f526c6f",
  ],
  [9, 6, 3, 3, 4, 3, "5e5a828ba5a8996699855e86bc8e75966c857b5872a2983b856667a88157a3499fa44e5f"],
  [10, 9, 3, 5, 2, 5, "7c899798528993585b92972f997c5799796b76c99d8d7c83977c7757350c"],
  [3, 3, 5, 2, 5, 2, "0053ff4d91a5c4d21ec49c439f62877549ffb660d9f87e7fb4776f706981"],
];

for (const [filter, widthPx, heightPx, hex] of resized) {
  Deno.test(`resize() equals Pillow's ${filter} from 7×5 to ${widthPx}×${heightPx}`, () => {
    assert.deepEqual(resize(pattern(7, 5), widthPx, heightPx, filters[filter]), picture(widthPx, heightPx, hex));
  });
}

for (const [widthPx, heightPx, targetWidthPx, targetHeightPx, croppedWidthPx, croppedHeightPx, hex] of cropped) {
  const title = `${widthPx}×${heightPx} for ${targetWidthPx}×${targetHeightPx}`;
  Deno.test(`resizeAndCenterCrop() equals the reference's crop of ${title}`, () => {
    const result = resizeAndCenterCrop(pattern(widthPx, heightPx), targetWidthPx, targetHeightPx);
    assert.deepEqual(result, picture(croppedWidthPx, croppedHeightPx, hex));
  });
}

Deno.test("resize() to the same size changes nothing", () => {
  assert.deepEqual(resize(pattern(7, 5), 7, 5, lanczos), pattern(7, 5));
});

Deno.test("resize() clips overshoot instead of wrapping around", () => {
  const edge = { widthPx: 8, heightPx: 1, pixels: new Uint8Array(24).fill(255, 12) };
  const { pixels } = resize(edge, 64, 1, lanczos);
  assert.ok(Math.max(...pixels.subarray(0, 72)) < 64, "the dark side stays dark, 8 px from the edge");
  assert.ok(Math.min(...pixels.subarray(120)) > 191, "the bright side stays bright");
  assert.ok(pixels.includes(0) && pixels.includes(255), "both sides reach the limit, so there is overshoot to clip");
});

Deno.test("resizeAndCenterCrop() returns a picture that fits already as it is", () => {
  const image = pattern(7, 5);
  assert.equal(resizeAndCenterCrop(image, 7, 5), image);
});

function pattern(widthPx: number, heightPx: number): RgbImage {
  const pixels = Uint8Array.from({ length: widthPx * heightPx * 3 }, (_, at) => (at * at * 31 + at * 7) % 256);
  return { widthPx, heightPx, pixels };
}

function picture(widthPx: number, heightPx: number, hex: string): RgbImage {
  return { widthPx, heightPx, pixels: Uint8Array.fromHex(hex) };
}
