/**
 * Adapters merged into a transformer's weights: W + strength · ΔW, in float32. Only what an adapter touches is replaced.
 * musubi-tuner `convert_lora_for_framepack`, `load_safetensors_with_lora`.
 *
 * This is the way of a device that keeps its weights in memory of its own. One that reads them from a file at every step
 * has no merged copy to read; there the same `PlacedAdapter`s, unmerged, are to become two small products beside a
 * `linear`: x · downᵀ · upᵀ (decision 20).
 * @module
 */
import { RequestError } from "../errors.ts";
import { type Checkpoint, withWeights } from "../onnx/safetensors.ts";
import { elementCount } from "../onnx/tensor.ts";
import type { LoraFile } from "./adapter_file.ts";
import { biasDelta, weightDelta } from "./delta.ts";
import { placeAdapters, type PlacedAdapter, type Target } from "./targets.ts";

export type { LoraFile } from "./adapter_file.ts";

/** A checkpoint, and the names of its tensors that are not the base's. */
export interface MergedCheckpoint extends Checkpoint {
  readonly changed: ReadonlySet<string>;
}

interface Replacement {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** A serialized graph holds its own weights in one message of protocol buffers, which ends here. */
const mergedBytesMax = 2 ** 31 - 2 ** 24;

/**
 * The checkpoint with every file applied, one after the other. A strength of 0 changes nothing.
 * @throws RequestError naming the file and the tensor at fault; the signal's reason when stopped
 */
export async function mergeLoras(
  base: Checkpoint,
  loras: readonly LoraFile[],
  signal?: AbortSignal,
): Promise<MergedCheckpoint> {
  const applied = loras.filter(({ strength }) => strength !== 0);
  const placed = await Promise.all(applied.map(async (lora) => ({
    strength: lora.strength,
    adapters: await placeAdapters(base, lora.file),
  })));
  requireRoom(placed.flatMap(({ adapters }) => adapters));
  const merged = new Map<string, Replacement>();
  for (const { strength, adapters } of placed) {
    for (const adapter of adapters) {
      signal?.throwIfAborted();
      await mergeAdapter(base, merged, adapter, strength);
    }
  }
  return { ...withWeights(base, merged), changed: new Set(merged.keys()) };
}

function requireRoom(adapters: readonly PlacedAdapter[]): void {
  const sizes = new Map(
    adapters.flatMap(({ targets }) => targets.map(({ module, shape }) => [module, 4 * elementCount(shape)] as const)),
  );
  const bytes = [...sizes.values()].reduce((sum, size) => sum + size, 0);
  if (bytes <= mergedBytesMax) return;
  throw new RequestError(
    "loras",
    `Cannot merge the LoRAs on the CPU: they change ${sizes.size} weights of ${
      (bytes / 1e9).toFixed(1)
    } GB in float32, ` +
      `a graph holds at most ${(mergedBytesMax / 1e9).toFixed(1)} GB of its own`,
  );
}

async function mergeAdapter(
  base: Checkpoint,
  merged: Map<string, Replacement>,
  adapter: PlacedAdapter,
  strength: number,
): Promise<void> {
  const tensors = await adapter.read();
  const delta = weightDelta(tensors)!; // its shape was known
  const bias = biasDelta(tensors);
  const add = async (name: string, shape: readonly number[], change: Float32Array) => {
    const data = merged.get(name)?.data ?? (await base.readFloat32(name)).slice();
    for (let i = 0; i < data.length; i++) data[i]! += strength * change[i]!;
    merged.set(name, { shape, data });
  };
  for (const target of adapter.targets) {
    await add(`${target.module}.weight`, target.shape, rowsOf(target, delta.data, delta.columns));
    if (bias) await add(`${target.module}.bias`, [target.rows], rowsOf(target, bias, 1));
  }
}

/** The target's rows; where the original has its halves the other way round, exchanged. */
function rowsOf({ firstRow, rows, isSwapped }: Target, data: Float32Array, columns: number): Float32Array {
  const own = data.subarray(firstRow * columns, (firstRow + rows) * columns);
  if (!isSwapped) return own;
  const half = own.length / 2;
  const exchanged = new Float32Array(own.length);
  exchanged.set(own.subarray(half));
  exchanged.set(own.subarray(0, half), half);
  return exchanged;
}
