/**
 * A block's weights from their files into memory, in the order of a layout. The checkpoint says which file each lies in, so a
 * block may straddle files.
 * @module
 */
import { CheckpointError } from "../errors.ts";
import { hasFloat8NaN } from "../onnx/float8.ts";
import { float8NaNError } from "../onnx/float8_weights.ts";
import { type Checkpoint, readWeightBytes, readWeightNumbers, type Weight } from "../onnx/safetensors.ts";
import { type DType, storedAs } from "../onnx/tensor.ts";
import { pathBelow } from "../onnx/weight_inputs.ts";
import type { WeightLayout } from "./weight_layout.ts";

/** A part of a network whose weights come together: a block, a layer, or all of it. */
export interface StreamedBlock {
  /** Checkpoint path, such as `transformer_blocks.3`; empty where names begin. */
  readonly path: string;
  readonly layout: WeightLayout;
}

/**
 * Reads blocks, and looks at 8-bit numbers when a block is read for the first time: a NaN spoils every picture, and no later
 * step names it.
 */
export class BlockReader {
  readonly #looked = new WeakSet<StreamedBlock>();

  constructor(readonly checkpoint: Checkpoint) {}

  /** @throws as `readBlock()`; CheckpointError naming a weight with a NaN */
  async read(block: StreamedBlock, into: Uint8Array<ArrayBuffer>, signal?: AbortSignal): Promise<void> {
    await readBlock(this.checkpoint, block, into, signal);
    if (this.#looked.has(block)) return;
    requireNumbers(this.checkpoint, block, into);
    this.#looked.add(block);
  }
}

function requireNumbers(checkpoint: Checkpoint, { path, layout }: StreamedBlock, bytes: Uint8Array): void {
  const packed = layout.tensors.filter(({ dtype }) => dtype === "float8e4m3fn").flatMap(({ parts }) => parts);
  for (const { name, offsetBytes, sizeBytes } of packed) {
    if (!hasFloat8NaN(bytes.subarray(offsetBytes, offsetBytes + sizeBytes))) continue;
    const { source } = checkpoint.get(pathBelow(path, name));
    throw float8NaNError(pathBelow(path, name), "file" in source ? source.file : "memory");
  }
}

/** Weights of one block that are read at once: reading from the page cache is a copy, and one processor makes one slowly. */
const readsAtOnce = 4;

/**
 * Fills `into` up to the layout's size.
 * @throws CheckpointError; the signal's reason when stopped
 */
export async function readBlock(
  checkpoint: Checkpoint,
  { path, layout }: StreamedBlock,
  into: Uint8Array<ArrayBuffer>,
  signal?: AbortSignal,
): Promise<void> {
  const waiting = layout.tensors.flatMap(({ holds, dtype, parts }) => parts.map((part) => ({ holds, dtype, part })));
  const readers = Array.from({ length: readsAtOnce }, async () => {
    for (let next = waiting.pop(); next; next = waiting.pop()) {
      signal?.throwIfAborted();
      const weight = checkpoint.get(pathBelow(path, next.part.name));
      const { offsetBytes, sizeBytes } = next.part;
      const place = into.subarray(offsetBytes, offsetBytes + sizeBytes);
      if (next.holds === "scales") fillScales(weight, place);
      else await readPart(next.holds === "numbers" ? weight : weight.blockScales!, next.dtype, place);
    }
  });
  const ends = await Promise.allSettled(readers); // nobody writes into the memory any more
  for (const end of ends) if (end.status === "rejected") throw end.reason;
}

/** A row's scale is its weight's. */
function fillScales({ scale = 1 }: Weight, place: Uint8Array<ArrayBuffer>): void {
  new Float32Array(place.buffer, place.byteOffset, place.byteLength / 4).fill(scale);
}

async function readPart(weight: Weight, dtype: DType, place: Uint8Array<ArrayBuffer>): Promise<void> {
  const isAsStored = weight.dtype === dtype || (weight.dtype === "int4" && dtype === "uint8");
  if (isAsStored) return await readWeightBytes(weight, place);
  const bytes = storedAs(dtype, await readWeightNumbers(weight));
  if (bytes.byteLength !== place.length) {
    throw new CheckpointError(
      `Cannot load "${weight.name}": it has ${bytes.byteLength} bytes as ${dtype}, expected ${place.length}`,
    );
  }
  place.set(bytes);
}
