import assert from "node:assert/strict";
import {
  arrayOfBytes,
  bfloat16OfFloat32,
  dtypeOfOnnxElementType,
  elementCount,
  float16OfFloat32,
  float32Of,
  float32OfBfloat16,
  float32OfFloat16,
  float32Tensor,
  onnxElementType,
  roundToBfloat16,
} from "./tensor.ts";

const bits16 = (...bits: number[]) => Uint16Array.from(bits);

Deno.test("bfloat16OfFloat32() rounds to nearest, ties to even", () => {
  // 1 + 2^-8 is halfway between 1 (0x3f80, even) and 1 + 2^-7 (0x3f81); 1 + 3 · 2^-8 between 0x3f81 and 0x3f82 (even).
  const numbers = Float32Array.of(1, 1 + 2 ** -8, 1 + 2 ** -8 + 2 ** -20, 1 + 3 * 2 ** -8, -1 - 2 ** -8, -0);
  assert.deepEqual(bfloat16OfFloat32(numbers), bits16(0x3f80, 0x3f80, 0x3f81, 0x3f82, 0xbf80, 0x8000));
});

Deno.test("bfloat16OfFloat32() keeps infinities and NaN, and overflows to infinity", () => {
  const quietestNaN = new Float32Array(Uint32Array.of(0x7f800001).buffer);
  assert.deepEqual(bfloat16OfFloat32(Float32Array.of(Infinity, -Infinity, 3.4e38)), bits16(0x7f80, 0xff80, 0x7f80));
  assert.ok(Number.isNaN(float32OfBfloat16(bfloat16OfFloat32(quietestNaN))[0]));
});

Deno.test("float32OfBfloat16() is exact for every value, and roundToBfloat16() leaves it alone", () => {
  const isNaN = (bits: number) => (bits & 0x7fff) > 0x7f80;
  const all = Uint16Array.from({ length: 65536 }, (_, bits) => bits).filter((bits) => !isNaN(bits));
  const numbers = float32OfBfloat16(all);
  assert.equal(numbers[0x3fc0], 1.5);
  assert.deepEqual(bfloat16OfFloat32(numbers), all);
  assert.deepEqual(roundToBfloat16(numbers), numbers);
  assert.equal(roundToBfloat16(Float32Array.of(10_000))[0], 9984);
});

Deno.test("float16OfFloat32() rounds to nearest, ties to even, subnormals included", () => {
  const numbers = Float32Array.of(1, 1 + 2 ** -11, 1 + 3 * 2 ** -11, 65504, 65520, 2 ** -24, 2 ** -25, -0);
  const expected = bits16(0x3c00, 0x3c00, 0x3c02, 0x7bff, 0x7c00, 0x0001, 0x0000, 0x8000);
  assert.deepEqual(float16OfFloat32(numbers), expected);
});

Deno.test("float32OfFloat16() is the inverse of float16OfFloat32() for every number", () => {
  const finite = Uint16Array.from({ length: 65536 }, (_, bits) => bits).filter((bits) => (bits & 0x7c00) !== 0x7c00);
  assert.deepEqual(float16OfFloat32(float32OfFloat16(finite)), finite);
});

Deno.test("float32Of() reads every floating-point dtype and refuses the others", () => {
  const half = { dtype: "float16", shape: [1], data: bits16(0x3e00) } as const;
  const brain = { dtype: "bfloat16", shape: [1], data: bits16(0x3fc0) } as const;
  assert.deepEqual([float32Of(half), float32Of(brain)], [Float32Array.of(1.5), Float32Array.of(1.5)]);
  assert.throws(() => float32Of({ dtype: "int32", shape: [1], data: Int32Array.of(1) }), { name: "TypeError" });
});

Deno.test("arrayOfBytes() reads bytes at any offset", () => {
  const bytes = new Uint8Array(9);
  new DataView(bytes.buffer).setFloat32(1, 2.5, true);
  assert.deepEqual(arrayOfBytes("float32", bytes.subarray(1, 9)), Float32Array.of(2.5, 0));
});

Deno.test("dtypeOfOnnxElementType() is the inverse of onnxElementType", () => {
  for (const [dtype, code] of Object.entries(onnxElementType)) assert.equal(dtypeOfOnnxElementType(code), dtype);
  assert.equal(dtypeOfOnnxElementType(11), undefined); // float64
});

Deno.test("float32Tensor() refuses a shape that holds another number of elements", () => {
  assert.equal(elementCount([]), 1);
  assert.equal(elementCount([3, 0]), 0);
  assert.throws(() => float32Tensor([2, 3], new Float32Array(5)), /\[2,3\] of 5 numbers/);
});
