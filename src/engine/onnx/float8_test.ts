import assert from "node:assert/strict";
import { float32OfFloat8, float8Max, float8OfFloat32, hasFloat8NaN } from "./float8.ts";

/** Bytes 0x00 to 0x7e as PyTorch 2.13 reads them: `torch.arange(127, dtype=torch.uint8).view(torch.float8_e4m3fn)`. */
// deno-fmt-ignore
const recorded = [
  0, 0.001953125, 0.00390625, 0.005859375, 0.0078125, 0.009765625, 0.01171875, 0.013671875,
  0.015625, 0.017578125, 0.01953125, 0.021484375, 0.0234375, 0.025390625, 0.02734375, 0.029296875,
  0.03125, 0.03515625, 0.0390625, 0.04296875, 0.046875, 0.05078125, 0.0546875, 0.05859375,
  0.0625, 0.0703125, 0.078125, 0.0859375, 0.09375, 0.1015625, 0.109375, 0.1171875,
  0.125, 0.140625, 0.15625, 0.171875, 0.1875, 0.203125, 0.21875, 0.234375,
  0.25, 0.28125, 0.3125, 0.34375, 0.375, 0.40625, 0.4375, 0.46875,
  0.5, 0.5625, 0.625, 0.6875, 0.75, 0.8125, 0.875, 0.9375,
  1, 1.125, 1.25, 1.375, 1.5, 1.625, 1.75, 1.875,
  2, 2.25, 2.5, 2.75, 3, 3.25, 3.5, 3.75,
  4, 4.5, 5, 5.5, 6, 6.5, 7, 7.5,
  8, 9, 10, 11, 12, 13, 14, 15,
  16, 18, 20, 22, 24, 26, 28, 30,
  32, 36, 40, 44, 48, 52, 56, 60,
  64, 72, 80, 88, 96, 104, 112, 120,
  128, 144, 160, 176, 192, 208, 224, 240,
  256, 288, 320, 352, 384, 416, 448,
];

const allBytes = Uint8Array.from({ length: 256 }, (_, byte) => byte);

Deno.test("float32OfFloat8() reads every byte as PyTorch does", () => {
  const positive = [...recorded, NaN];
  assert.deepEqual([...float32OfFloat8(allBytes)], [...positive, ...positive.map((value) => -value)]);
  assert.equal(recorded.at(-1), float8Max);
});

Deno.test("float8OfFloat32() is its inverse, NaN aside", () => {
  const bytes = allBytes.filter((byte) => (byte & 0x7f) !== 0x7f);
  assert.deepEqual(float8OfFloat32(float32OfFloat8(bytes)), bytes);
  assert.equal(float8OfFloat32(Float32Array.of(NaN))[0]! & 0x7f, 0x7f);
});

Deno.test("float8OfFloat32() rounds to nearest, ties to even, and saturates", () => {
  for (let byte = 0; byte < 126; byte++) {
    const [below, above] = [recorded[byte]!, recorded[byte + 1]!];
    const middle = (below + above) / 2;
    const nearby = Float32Array.of(middle * (1 - 2 ** -20), middle, middle * (1 + 2 ** -20), -middle);
    const even = byte % 2 === 0 ? byte : byte + 1;
    assert.deepEqual(
      [...float8OfFloat32(nearby)],
      [byte, even, byte + 1, even | 0x80],
      `between ${below} and ${above}`,
    );
  }
  assert.deepEqual([...float8OfFloat32(Float32Array.of(449, 1e9, -Infinity, 2 ** -149))], [0x7e, 0x7e, 0xfe, 0]);
});

Deno.test("hasFloat8NaN() finds one NaN at any place, and none where there is none", () => {
  const clean = Uint8Array.from({ length: 11 }, (_, i) => i % 2 ? 0xfe : 0x7e);
  assert.equal(hasFloat8NaN(clean), false);
  assert.equal(hasFloat8NaN(clean.subarray(1)), false);
  assert.equal(hasFloat8NaN(new Uint8Array(0)), false);
  for (const nan of [0x7f, 0xff]) {
    for (let at = 0; at < clean.length; at++) {
      const bytes = clean.with(at, nan);
      assert.equal(hasFloat8NaN(bytes), true, `byte ${at}`);
      assert.equal(hasFloat8NaN(bytes.subarray(at)), true, `byte ${at}, from there`);
    }
  }
});
