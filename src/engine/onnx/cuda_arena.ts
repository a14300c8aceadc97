/**
 * The pool of working memory that all sessions of a GPU share.
 * @module
 */
import { InferenceError } from "../errors.ts";
import { deviceErrorIn } from "./cuda_faults.ts";
import type { Piece } from "./cuda_memory.ts";
import { columns, providerOptions } from "./cuda_provider.ts";
import { type CudaDevice, deviceMemoryPlace } from "./device.ts";
import { cString, type Handle, handleFrom, type OrtApi, pointerArray } from "./ort_api.ts";

/**
 * One pool of working memory for all sessions of a GPU, instead of one each that keeps its largest need. The first call of a
 * process decides on its limit. To be called after `appendCuda` alone: where there is no GPU, ONNX Runtime ends the process
 * here instead of giving an error.
 */
export function shareCudaArena(api: OrtApi, env: Handle, device: CudaDevice): void {
  if (sharedArenas.has(device.index)) return;
  const [keys, values] = columns(providerOptions(device));
  const entries = arenaEntries(device);
  const [names, sizes] = [Object.keys(entries).map(cString), BigUint64Array.from(Object.values(entries))];
  const arena = handleFrom((out) => api.createArenaCfgV2(pointerArray(names), sizes, BigInt(names.length), out));
  try {
    const provider = cString("CUDAExecutionProvider");
    const options = [pointerArray(keys), pointerArray(values), BigInt(keys.length)] as const;
    api.createAndRegisterAllocatorV2(env, provider, deviceMemoryPlace(api, device).info, arena, ...options);
    sharedArenas.set(device.index, {});
  } catch (cause) {
    throw deviceErrorIn((cause as Error).message) ?? cause;
  } finally {
    api.releaseArenaCfg(arena);
  }
}

/**
 * Gives the pool up, so that the next one may have another size: its memory goes back with the last session that uses it.
 * Nothing happens where there is none.
 */
export function releaseCudaArena(api: OrtApi, env: Handle, device: CudaDevice): void {
  const arena = sharedArenas.get(device.index);
  if (!arena) return;
  sharedArenas.delete(device.index);
  if (arena.allocator) api.releaseAllocator(arena.allocator);
  api.unregisterAllocator(env, deviceMemoryPlace(api, device).info);
}

/** GPUs whose arena the environment, which is the process's, has. */
const sharedArenas = new Map<number, { allocator?: Handle }>();

const noLimit = 2n ** 64n - 1n;

/**
 * Settings of an arena. Only one that doubles begins with a first piece of the size asked for; what it then takes is
 * bounded by the limit. Weights outside of the pieces count towards the limit as well (ONNX Runtime 1.30, `bfc_arena.cc`,
 * `Extend`, `Reserve`).
 */
export function arenaEntries({ memoryLimitBytes, arenaBytes }: CudaDevice): Record<string, bigint> {
  const limit = memoryLimitBytes === undefined ? noLimit : BigInt(memoryLimitBytes);
  return arenaBytes === undefined
    ? { "max_mem": limit, "arena_extend_strategy": 1n } // as requested
    : { "max_mem": limit, "arena_extend_strategy": 0n, "initial_chunk_size_bytes": BigInt(arenaBytes) };
}

/** Remembers the pool, as a session that computes in it knows it. */
export function reachCudaArena(api: OrtApi, session: Handle, device: CudaDevice): void {
  const arena = sharedArenas.get(device.index)!;
  arena.allocator ??= handleFrom((out) => api.createAllocator(session, deviceMemoryPlace(api, device).info, out));
}

/**
 * A piece of the pool, for what comes and goes but is no result of a graph.
 * @throws DeviceError when it has no room; InferenceError before the first graph is compiled
 */
export function takeFromArena(api: OrtApi, { index }: CudaDevice, sizeBytes: number): Piece {
  const { allocator } = sharedArenas.get(index) ?? {};
  if (!allocator) throw new InferenceError(`GPU ${index} has no working memory yet`);
  try {
    const address = handleFrom((out) => api.allocatorAlloc(allocator, BigInt(sizeBytes), out));
    return { address, free: () => api.allocatorFree(allocator, address) };
  } catch (cause) {
    throw deviceErrorIn((cause as Error).message) ?? cause;
  }
}
