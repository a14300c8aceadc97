/**
 * The 8-bit floating-point format that large models are repacked in: e4m3fn, of 1 sign bit, 4 of exponent (bias 7) and 3 of
 * mantissa. It has subnormal numbers and no infinities; 0x7f and 0xff are NaN and the largest number is 448.
 *
 * OCP 8-bit Floating Point Specification 1.0, table 1; `FLOAT8E4M3FN` of onnx.proto, `F8_E4M3` of safetensors.
 * @module
 */

/** Largest number of the format. */
export const float8Max = 448;

/** Every byte's number. */
const numberOfByte = Float32Array.from({ length: 256 }, (_, byte) => {
  const sign = byte & 0x80 ? -1 : 1;
  const [exponent, mantissa] = [byte >> 3 & 0xf, byte & 7];
  if (exponent === 0xf && mantissa === 7) return NaN;
  return sign * (exponent === 0 ? mantissa * 2 ** -9 : (1 + mantissa / 8) * 2 ** (exponent - 7));
});

/** e4m3fn → float32, exact. */
export function float32OfFloat8(bytes: Uint8Array): Float32Array {
  const numbers = new Float32Array(bytes.length);
  for (let i = 0; i < bytes.length; i++) numbers[i] = numberOfByte[bytes[i]!]!;
  return numbers;
}

/** float32 → e4m3fn, to nearest, ties to even; beyond ±448 the largest number (saturated), a NaN stays one. */
export function float8OfFloat32(numbers: Float32Array): Uint8Array {
  const bytes = new Uint8Array(numbers.length);
  for (let i = 0; i < numbers.length; i++) bytes[i] = byteOf(numbers[i]!);
  return bytes;
}

function byteOf(number: number): number {
  const sign = Object.is(number, -0) || number < 0 ? 0x80 : 0;
  const size = Math.min(Math.abs(number), float8Max);
  if (Number.isNaN(size)) return sign | 0x7f;
  // One more unit of the mantissa is 2^(exponent - 3); below 2^-6 it stays 2^-9. Scaled by it, sizes are whole numbers.
  const exponent = Math.max(size === 0 ? -6 : exponentOf(size), -6);
  const units = roundToEven(size * 2 ** (3 - exponent));
  // Bytes count up through the sizes, across exponents too: 8 units are the next exponent's first.
  return sign | (exponent + 6) * 8 + units;
}

/** floor(log2(size)) of a positive float32. */
function exponentOf(size: number): number {
  words.setFloat32(0, size);
  return (words.getUint32(0) >>> 23) - 127;
}
const words = new DataView(new ArrayBuffer(4));

function roundToEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  return below + (rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? 1 : 0);
}

/** Whether one of the bytes is NaN. Four bytes are looked at together. */
export function hasFloat8NaN(bytes: Uint8Array): boolean {
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
  const words = new Int32Array(aligned.buffer, aligned.byteOffset, aligned.length >> 2);
  // Without its sign a byte is at most 0x7f, which is NaN: one more carries into the sign's place, and never further.
  let signs = 0;
  for (let i = 0; i < words.length; i++) signs |= ((words[i]! & 0x7f7f7f7f) + 0x01010101) | 0;
  return (signs & 0x80808080) !== 0 || aligned.subarray(words.length * 4).some((byte) => (byte & 0x7f) === 0x7f);
}
