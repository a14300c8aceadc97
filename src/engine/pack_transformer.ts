/**
 * A transformer's file once more, with the matrices of its blocks in 8 bits: half as much to move to a GPU and to keep there.
 *
 * Each matrix has a float32 scale beside it (`x.scale_weight`), its largest number divided by the format's. Everything
 * else stays as it is: biases, norms, embedders, and the layers that make modulation vectors, which are not on the GPU
 * while sampling.
 * @module
 */
import { CheckpointError } from "./errors.ts";
import { float8Max, float8OfFloat32 } from "./onnx/float8.ts";
import { scaleNames } from "./onnx/float8_weights.ts";
import { type Checkpoint, placeOf, readWeightBytes, type Weight } from "./onnx/safetensors.ts";
import { headerBytes, writeAll } from "./onnx/safetensors_header.ts";
import { arrayOfBytes, type DType, elementBytes, elementCount, float32Of } from "./onnx/tensor.ts";

/** A tensor of the new file. */
interface Planned {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
}

/** The whole new file, before anything is written. */
export interface PackPlan {
  readonly header: Uint8Array<ArrayBuffer>;
  readonly steps: readonly { readonly weight: Weight; readonly isPacked: boolean }[];
  readonly sizeBytes: number;
}

/** @throws CheckpointError when the blocks are in 8 bits already */
export function planPacking(checkpoint: Checkpoint): PackPlan {
  const steps = checkpoint.names().map((name) => {
    const weight = checkpoint.get(name);
    const isPacked = isBlockMatrix(name) && weight.shape.length === 2;
    if (isPacked && weight.dtype === "float8e4m3fn") {
      throw new CheckpointError(`Cannot pack "${name}"${placeOf(weight)}: it is in 8 bits already`);
    }
    return { weight, isPacked };
  });
  const tensors = steps.flatMap(({ weight, isPacked }) => isPacked ? packedTensors(weight) : [weight]);
  const header = headerBytes(tensors, { ...checkpoint.metadata, format: "pt" });
  const dataBytes = tensors.reduce((sum, { dtype, shape }) => sum + elementCount(shape) * elementBytes[dtype], 0);
  return { header, steps, sizeBytes: header.length + dataBytes };
}

/** A matrix's numbers in 8 bits, and their scale. */
const packedTensors = ({ name, shape }: Weight): Planned[] => [
  { name, dtype: "float8e4m3fn", shape },
  { name: scaleNames(name)[0], dtype: "float32", shape: [] },
];

/** Blocks without the layers that make their modulation (`norm`, `norm1`, `norm1_context`). */
const isBlockMatrix = (name: string) => /^(single_)?transformer_blocks\.\d+\.(?!norm).*\.weight$/.test(name);

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
    for (const { weight, isPacked } of plan.steps) {
      signal.throwIfAborted();
      const bytes = new Uint8Array(elementCount(weight.shape) * elementBytes[weight.dtype]);
      await readWeightBytes(weight, bytes);
      for (const part of isPacked ? packed(weight, bytes) : [bytes]) {
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

/** The numbers of a matrix divided by its scale, in 8 bits, and the scale. */
function packed(weight: Weight, bytes: Uint8Array): [numbers: Uint8Array, scale: Uint8Array] {
  const { dtype, shape } = weight;
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
