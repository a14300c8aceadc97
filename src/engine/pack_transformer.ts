/**
 * A transformer's file once more, with the matrices of its blocks in 8 or in 4 bits: less to move to a GPU and to keep there.
 *
 * In 8 bits (`onnx/float8.ts`) each matrix has a float32 scale beside it (`x.scale_weight`), its largest number divided by
 * the format's. In 4 bits (`onnx/int4.ts`) each block of 32 numbers has one. Everything else stays as it is: biases,
 * norms, embedders, and the layers that make modulation vectors, which are not on the GPU while sampling.
 * @module
 */
import { CheckpointError } from "./errors.ts";
import { float8Max, float8OfFloat32 } from "./onnx/float8.ts";
import { scaleNames } from "./onnx/float8_weights.ts";
import { blockScalesName, fitsInt4, int4Block, int4OfFloat32, int4ScalesShape } from "./onnx/int4.ts";
import { bytesPerNumber, type Checkpoint, placeOf, readWeightBytes, type Weight } from "./onnx/safetensors.ts";
import { headerBytes, writeAll } from "./onnx/safetensors_header.ts";
import { arrayOfBytes, type DType, elementBytes, elementCount, float32Of } from "./onnx/tensor.ts";

/** What the numbers of the packed matrices are kept in. */
export type PackedBits = 8 | 4;

/** A tensor of the new file. */
interface Planned {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
}

/** The whole new file, before anything is written. */
export interface PackPlan {
  readonly header: Uint8Array<ArrayBuffer>;
  readonly steps: readonly { readonly weight: Weight; readonly bits: PackedBits | null }[];
  readonly sizeBytes: number;
}

/** @throws CheckpointError when a matrix of the blocks is packed already, or has rows that are no whole blocks */
export function planPacking(checkpoint: Checkpoint, bits: PackedBits = 8): PackPlan {
  const steps = checkpoint.names().map((name) => {
    const weight = checkpoint.get(name);
    if (!isBlockMatrix(name) || weight.shape.length !== 2) return { weight, bits: null };
    const cannot = (why: string) => new CheckpointError(`Cannot pack "${name}"${placeOf(weight)}: ${why}`);
    if (weight.dtype === "float8e4m3fn") throw cannot("it is in 8 bits already");
    if (weight.dtype === "int4") throw cannot("it is in 4 bits already");
    if (bits === 4 && !fitsInt4(weight.shape)) {
      throw cannot(`its rows have ${weight.shape[1]} numbers, which are no whole blocks of ${int4Block}`);
    }
    return { weight, bits };
  });
  const tensors = steps.flatMap(({ weight, bits }) => newTensors(weight, bits));
  const header = headerBytes(tensors, { ...checkpoint.metadata, format: "pt" });
  const dataBytes = tensors.reduce((sum, { dtype, shape }) => sum + elementCount(shape) * elementBytes[dtype], 0);
  return { header, steps, sizeBytes: header.length + dataBytes };
}

/** What a weight becomes: itself, or its numbers and their scales. */
function newTensors({ name, shape, dtype }: Weight, bits: PackedBits | null): Planned[] {
  if (bits === null) return [{ name, dtype: dtype as DType, shape }];
  if (bits === 8) {
    return [{ name, dtype: "float8e4m3fn", shape }, { name: scaleNames(name)[0], dtype: "float32", shape: [] }];
  }
  return [
    { name, dtype: "uint8", shape: [shape[0]!, shape[1]! / 2] },
    { name: blockScalesName(name), dtype: "bfloat16", shape: int4ScalesShape(shape) },
  ];
}

/** Blocks without the layers that make their modulation (`norm`, `norm1`, `norm1_context`). */
export const isBlockMatrix = (name: string) => /^(single_)?transformer_blocks\.\d+\.(?!norm).*\.weight$/.test(name);

/**
 * Writes the file, tensor by tensor; gives the bytes that are there after each. One that is not finished is removed.
 * @throws CheckpointError naming a tensor that holds a number that is none; the signal's reason when stopped
 */
export async function* writePacked(plan: PackPlan, file: string, signal: AbortSignal): AsyncGenerator<number, void> {
  let isWhole = false;
  try {
    using out = await Deno.open(file, { write: true, create: true, truncate: true });
    await writeAll(out, plan.header);
    let there = plan.header.length;
    for (const { weight, bits } of plan.steps) {
      signal.throwIfAborted();
      const bytes = new Uint8Array(elementCount(weight.shape) * bytesPerNumber[weight.dtype]);
      await readWeightBytes(weight, bytes);
      for (const part of bits === null ? [bytes] : bits === 8 ? in8Bits(weight, bytes) : in4Bits(weight, bytes)) {
        await writeAll(out, part);
        there += part.length;
      }
      yield there;
    }
    await out.sync();
    isWhole = true;
  } finally {
    if (!isWhole) await Deno.remove(file).catch(() => {});
  }
}

/** The numbers of a matrix in 4 bits, and the scales of its blocks. */
function in4Bits(weight: Weight, bytes: Uint8Array): [numbers: Uint8Array, scales: Uint8Array] {
  const { dtype, shape } = weight as Weight & { dtype: DType };
  const packed = int4OfFloat32(float32Of({ dtype, shape, data: arrayOfBytes(dtype, bytes) }));
  if (!packed) {
    throw new CheckpointError(
      `Cannot pack "${weight.name}"${placeOf(weight)}: some of its numbers are NaN or infinite`,
    );
  }
  const { buffer, byteOffset, byteLength } = packed.scales;
  return [packed.numbers, new Uint8Array(buffer, byteOffset, byteLength)];
}

/** The numbers of a matrix divided by its scale, in 8 bits, and the scale. */
function in8Bits(weight: Weight, bytes: Uint8Array): [numbers: Uint8Array, scale: Uint8Array] {
  const { dtype, shape } = weight as Weight & { dtype: DType };
  const data = arrayOfBytes(dtype, bytes);
  const isHalf = dtype === "bfloat16" || dtype === "float16";
  // 16 bits are 65,536 numbers: each is packed once, and the matrix is looked up.
  const numbers = isHalf ? float32Of({ dtype, shape: [2 ** 16], data: everyHalf }) : float32Of({ dtype, shape, data });
  const largest = isHalf ? Math.abs(numbers[largestHalf(data as Uint16Array)]!) : largestOf(numbers);
  if (!(largest < Infinity)) {
    throw new CheckpointError(`Cannot pack "${weight.name}"${placeOf(weight)}: it holds ${largest}`);
  }
  const scale = largest === 0 ? 1 : Math.fround(largest / float8Max);
  const small = float8OfFloat32(numbers.map((value) => value / scale));
  return [
    isHalf ? lookedUp(data as Uint16Array, small) : small,
    new Uint8Array(Float32Array.of(scale).buffer),
  ];
}

const everyHalf = Uint16Array.from({ length: 2 ** 16 }, (_, bits) => bits);

/** Of 16-bit floating-point numbers, without their sign, the order is that of their bits, NaN above all. */
function largestHalf(bits: Uint16Array): number {
  let largest = 0;
  for (let i = 0; i < bits.length; i++) {
    const size = bits[i]! & 0x7fff;
    if (size > largest) largest = size;
  }
  return largest;
}

function lookedUp(bits: Uint16Array, table: Uint8Array): Uint8Array {
  const found = new Uint8Array(bits.length);
  for (let i = 0; i < bits.length; i++) found[i] = table[bits[i]!]!;
  return found;
}

function largestOf(numbers: Float32Array): number {
  let largest = 0;
  for (let i = 0; i < numbers.length; i++) {
    const size = Math.abs(numbers[i]!);
    if (!(size <= largest)) largest = size;
    if (size !== size) return NaN;
  }
  return largest;
}
