/**
 * ONNX Runtime's CUDA provider: how sessions use it, and why they cannot.
 * @module
 */
import { dirname, join } from "node:path";
import { DeviceError } from "../errors.ts";
import { whyNotOpened } from "./cuda_api.ts";
import { deviceErrorIn, faultText } from "./cuda_faults.ts";
import { type CudaDevice, deviceMemoryPlace } from "./device.ts";
import { cString, type Handle, handleFrom, type OrtApi, pointerArray } from "./ort_api.ts";

/** Lets a session compute on a GPU. @throws DeviceError saying what is missing */
export function appendCuda(api: OrtApi, session: Handle, device: CudaDevice, libraryPath: string): void {
  const [keys, values] = columns(providerOptions(device));
  let cuda: Handle | undefined;
  try {
    cuda = handleFrom((out) => api.createCudaProviderOptions(out));
    api.updateCudaProviderOptions(cuda, pointerArray(keys), pointerArray(values), BigInt(keys.length));
    api.appendExecutionProviderCudaV2(session, cuda);
  } catch (cause) {
    throw whyNot(device, libraryPath, cause as Error);
  } finally {
    if (cuda) api.releaseCudaProviderOptions(cuda);
  }
}

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
    sharedArenas.add(device.index);
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
  if (!sharedArenas.delete(device.index)) return;
  api.unregisterAllocator(env, deviceMemoryPlace(api, device).info);
}

/** GPUs whose arena the environment, which is the process's, has. */
const sharedArenas = new Set<number>();

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

/** https://onnxruntime.ai/docs/execution-providers/CUDA-ExecutionProvider.html */
function providerOptions({ index, memoryLimitBytes }: CudaDevice): Record<string, string> {
  return {
    "device_id": `${index}`,
    "arena_extend_strategy": "kSameAsRequested", // doubling would take twice what a large model needs
    ...(memoryLimitBytes === undefined ? {} : { "gpu_mem_limit": `${memoryLimitBytes}` }),
    "cudnn_conv_algo_search": "HEURISTIC", // the exhaustive search takes all free memory as workspace
    "use_tf32": "0", // float32 stays float32
  };
}

/** Entries of the session's own options that belong to a GPU. */
export function cudaSessionEntries(
  nodesOnCpu: "allowed" | "refused",
  stay: "always" | "while used",
): Record<string, string> {
  return {
    "session.disable_cpu_ep_fallback": nodesOnCpu === "refused" ? "1" : "0",
    // 1: weights take their size, not a piece of the arena. Those that leave again give their piece to others.
    "session.use_device_allocator_for_initializers": stay === "always" ? "1" : "0",
  };
}

/** Asks before ONNX Runtime is, which would write to standard error. @throws DeviceError naming the library that is missing */
export function requireProvider({ index }: CudaDevice, libraryPath: string): void {
  const why = missingLibrary(libraryPath);
  if (why !== undefined) throw new DeviceError("missing", `Cannot use CUDA device ${index}: ${why}`);
}

/**
 * The loader's sentence about the first library that the CUDA provider, which lies beside the library it belongs to, cannot do
 * without.
 */
function missingLibrary(libraryPath: string): string | undefined {
  const why = whyNotOpened(join(dirname(libraryPath), "libonnxruntime_providers_cuda.so"));
  // Libraries are looked for before symbols: what ONNX Runtime itself gives the provider is all that is missing.
  return why?.includes("Provider_GetHost") ? undefined : why;
}

/** The fault in ONNX Runtime's message, else the first library that the provider misses. */
function whyNot({ index }: CudaDevice, libraryPath: string, cause: Error): DeviceError {
  const fault = deviceErrorIn(cause.message)?.fault ?? "missing";
  const why = missingLibrary(libraryPath) ?? faultText(cause.message);
  return new DeviceError(fault, `Cannot use CUDA device ${index}: ${why}`, { cause });
}

/** The strings of an object's entries for C; to be kept referenced through the call. */
function columns(
  entries: Readonly<Record<string, string>>,
): [keys: Uint8Array<ArrayBuffer>[], values: Uint8Array<ArrayBuffer>[]] {
  return [Object.keys(entries).map(cString), Object.values(entries).map(cString)];
}
