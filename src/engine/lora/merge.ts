/**
 * Adapters merged into a transformer's weights: W + strength · ΔW, in float32. Only what an adapter touches is replaced.
 * musubi-tuner `convert_lora_for_framepack`, `load_safetensors_with_lora`.
 *
 * The way of a device that keeps its weights in memory of its own. Where blocks are streamed, most adapters lie beside
 * them (`side_adapters.ts`), and only the rest is merged.
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

/** An adapter in its place, and how strongly it is applied. */
export interface AppliedAdapter extends PlacedAdapter {
  readonly strength: number;
}

/**
 * The adapters of all files, one after the other; a file of strength 0 changes nothing and has none.
 * @throws RequestError naming the file and what does not fit
 */
export async function placeLoras(base: Checkpoint, loras: readonly LoraFile[]): Promise<AppliedAdapter[]> {
  const applied = loras.filter(({ strength }) => strength !== 0);
  const placed = await Promise.all(applied.map(async ({ file, strength }) => {
    const adapters = await placeAdapters(base, file);
    return adapters.map((adapter) => ({ ...adapter, strength }));
  }));
  return placed.flat();
}

/**
 * The checkpoint with every adapter applied.
 * @param beside of these only what they add to biases
 * @throws RequestError naming the file and the tensor at fault; the signal's reason when stopped
 */
export async function mergeAdapters(
  base: Checkpoint,
  adapters: readonly AppliedAdapter[],
  beside: ReadonlySet<AppliedAdapter>,
  signal?: AbortSignal,
): Promise<MergedCheckpoint> {
  requireRoom(adapters.filter((adapter) => !beside.has(adapter)));
  const merged = new Map<string, Replacement>();
  for (const adapter of adapters) {
    signal?.throwIfAborted();
    await mergeAdapter(base, merged, adapter, beside.has(adapter));
  }
  return { ...withWeights(base, merged), changed: new Set(merged.keys()) };
}

/** The checkpoint with every file merged into it. @throws as `placeLoras()` and `mergeAdapters()` */
export async function mergeLoras(
  base: Checkpoint,
  loras: readonly LoraFile[],
  signal?: AbortSignal,
): Promise<MergedCheckpoint> {
  return await mergeAdapters(base, await placeLoras(base, loras), new Set(), signal);
}

function requireRoom(adapters: readonly PlacedAdapter[]): void {
  const sizes = new Map(
    adapters.flatMap(({ targets }) => targets.map(({ module, shape }) => [module, 4 * elementCount(shape)] as const)),
  );
  const bytes = [...sizes.values()].reduce((sum, size) => sum + size, 0);
  if (bytes <= mergedBytesMax) return;
  throw new RequestError(
    "loras",
    `Cannot merge the LoRAs: they change ${sizes.size} weights of ${(bytes / 1e9).toFixed(1)} GB in float32, ` +
      `and at most ${(mergedBytesMax / 1e9).toFixed(1)} GB are merged`,
  );
}

async function mergeAdapter(
  base: Checkpoint,
  merged: Map<string, Replacement>,
  adapter: AppliedAdapter,
  onlyBias: boolean,
): Promise<void> {
  if (onlyBias && !adapter.parts.has("lora_bias")) return;
  const tensors = await adapter.read();
  const delta = onlyBias ? undefined : weightDelta(tensors)!; // its shape was known
  const bias = biasDelta(tensors);
  const add = async (name: string, shape: readonly number[], change: Float32Array) => {
    const data = merged.get(name)?.data ?? (await base.readFloat32(name)).slice();
    for (let i = 0; i < data.length; i++) data[i]! += adapter.strength * change[i]!;
    merged.set(name, { shape, data });
  };
  for (const target of adapter.targets) {
    if (delta) await add(`${target.module}.weight`, target.shape, rowsOf(target, delta.data, delta.columns));
    if (bias) await add(`${target.module}.bias`, [target.rows], rowsOf(target, bias, 1));
  }
}

/** The target's rows; where the original has its halves the other way round, exchanged. */
export function rowsOf({ firstRow, rows, isSwapped }: Target, data: Float32Array, columns: number): Float32Array {
  const own = data.subarray(firstRow * columns, (firstRow + rows) * columns);
  if (!isSwapped) return own;
  const half = own.length / 2;
  const exchanged = new Float32Array(own.length);
  exchanged.set(own.subarray(half));
  exchanged.set(own.subarray(0, half), half);
  return exchanged;
}
