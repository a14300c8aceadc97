/**
 * ONNX Runtime's CUDA provider: how sessions use it, and why they cannot.
 * @module
 */
import { dirname, join } from "node:path";
import { DeviceError } from "../errors.ts";
import { whyNotOpened } from "./cuda_api.ts";
import { deviceErrorIn, faultText } from "./cuda_faults.ts";
import type { CudaDevice } from "./device.ts";
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

/** https://onnxruntime.ai/docs/execution-providers/CUDA-ExecutionProvider.html */
export function providerOptions({ index, memoryLimitBytes }: CudaDevice): Record<string, string> {
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
export function columns(
  entries: Readonly<Record<string, string>>,
): [keys: Uint8Array<ArrayBuffer>[], values: Uint8Array<ArrayBuffer>[]] {
  return [Object.keys(entries).map(cString), Object.values(entries).map(cString)];
}
