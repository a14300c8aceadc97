/**
 * Matrices in 4 bits: whole numbers from −8 to 7, kept as 0 to 15, two to a byte, the first in its lower half; one scale for
 * 32 numbers that follow each other in a row. As `MatMulNBits` takes them (ContribOperators.md of ONNX Runtime, `bits` 4,
 * `block_size` 32, no zero points), and the same as Q4_0 of GGML but for the order of a block's numbers.
 *
 * In a file, `x.weight` is U8 [rows, columns / 2], and `x.block_scales` BF16 [rows, columns / 32] lies beside it.
 * @module
 */
import { CheckpointError } from "../errors.ts";
import { type Entry, formatNames } from "./safetensors_header.ts";
import { bfloat16OfFloat32, elementCount, float32OfBfloat16 } from "./tensor.ts";

/** Numbers that share a scale. */
export const int4Block = 32;
const zeroPoint = 8;

/** Whether a weight of this shape can be kept so: rows are whole blocks. */
export const fitsInt4 = (shape: readonly number[]): boolean =>
  shape.length === 2 && shape[1]! > 0 && shape[1]! % int4Block === 0;

/** [rows, columns] → [rows, blocks, bytes of a block], the shape in which an operator takes the numbers. */
export const int4Shape = ([rows, columns]: readonly number[]): [number, number, number] => [
  rows!,
  columns! / int4Block,
  int4Block / 2,
];

/** [rows, columns] → [rows, blocks] */
export const int4ScalesShape = ([rows, columns]: readonly number[]): [number, number] => [rows!, columns! / int4Block];

export interface Int4Numbers {
  readonly numbers: Uint8Array;
  /** In bfloat16. */
  readonly scales: Uint16Array;
}

/**
 * Whole blocks of float32 → 4 bits. The number farthest from 0 becomes −8, so that all sixteen are of use; then the scale
 * is chosen anew for the whole numbers that this gave, as the least squares have it: Σ w·q / Σ q².
 * @returns undefined when a number is none
 */
export function int4OfFloat32(values: Float32Array): Int4Numbers | undefined {
  const scales = new Float32Array(values.length / int4Block);
  for (let block = 0; block < scales.length; block++) {
    const farthest = farthestFromZero(values, block * int4Block);
    if (!(Math.abs(farthest) < Infinity)) return undefined;
    if (farthest !== 0) scales[block] = leastSquares(values, block * int4Block, -zeroPoint / farthest);
  }
  const stored = bfloat16OfFloat32(scales);
  const steps = float32OfBfloat16(stored);
  const numbers = new Uint8Array(values.length / 2);
  for (let block = 0; block < scales.length; block++) {
    const perStep = steps[block] === 0 ? 0 : 1 / steps[block]!;
    const end = (block + 1) * int4Block;
    for (let at = block * int4Block; at < end; at += 2) {
      numbers[at >> 1] = nibble(values[at]! * perStep) | nibble(values[at + 1]! * perStep) << 4;
    }
  }
  return { numbers, scales: stored };
}

/** 4 bits → float32. @param scales bfloat16, one for 32 numbers */
export function float32OfInt4(numbers: Uint8Array, scales: Uint16Array): Float32Array {
  const values = new Float32Array(2 * numbers.length);
  const factors = float32OfBfloat16(scales);
  for (let at = 0; at < numbers.length; at++) {
    const scale = factors[Math.floor(2 * at / int4Block)]!;
    values[2 * at] = ((numbers[at]! & 15) - zeroPoint) * scale;
    values[2 * at + 1] = ((numbers[at]! >> 4) - zeroPoint) * scale;
  }
  return values;
}

/** Its sign is kept. NaN where there is one. */
function farthestFromZero(values: Float32Array, begin: number): number {
  let [least, most, sum] = [0, 0, 0];
  for (let at = begin; at < begin + int4Block; at++) {
    const value = values[at]!;
    if (value < least) least = value;
    if (value > most) most = value;
    sum += value;
  }
  if (sum !== sum) return NaN;
  return most > -least ? most : least;
}

function leastSquares(values: Float32Array, begin: number, perStep: number): number {
  let [products, squares] = [0, 0];
  for (let at = begin; at < begin + int4Block; at++) {
    const value = values[at]!;
    const whole = nibble(value * perStep) - zeroPoint;
    products += value * whole;
    squares += whole * whole;
  }
  return products / squares;
}

/** The nearest of the whole numbers, kept as 0 to 15. Truncation rounds what is half a number more and not below 0. */
function nibble(steps: number): number {
  const kept = (steps + zeroPoint + 0.5) | 0;
  return kept > 15 ? 15 : kept < 0 ? 0 : kept;
}

/** The name of a weight's scales in its file. */
export const blockScalesName = (weight: string): string => `${weight.slice(0, -".weight".length)}.block_scales`;

/**
 * Weights in 4 bits → where their scales are.
 * @throws CheckpointError when scales are of another type or number than their weight needs
 */
export function int4ScalesIn(entries: ReadonlyMap<string, Entry>): ReadonlyMap<string, Entry> {
  const found = new Map<string, Entry>();
  for (const [name, { formatDType, shape, file }] of entries) {
    if (formatDType !== formatNames.uint8 || !name.endsWith(".weight")) continue;
    const scales = entries.get(blockScalesName(name));
    if (!scales) {
      throw new CheckpointError(
        `Cannot use "${name}" of ${file}: it is stored as U8, in 4 bits, and has no "${blockScalesName(name)}"`,
      );
    }
    const expected = int4ScalesShape([shape[0]!, 2 * (shape[1] ?? 0)]);
    if (
      scales.formatDType !== formatNames.bfloat16 || elementCount(expected) === 0 || `${scales.shape}` !== `${expected}`
    ) {
      throw new CheckpointError(
        `Cannot use "${blockScalesName(name)}" of ${file}: it is ${scales.formatDType} [${scales.shape.join(", ")}], ` +
          `expected BF16 [${expected.join(", ")}]`,
      );
    }
    found.set(name, scales);
  }
  return found;
}
