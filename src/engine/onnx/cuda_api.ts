/**
 * The functions of the CUDA runtime that this program calls, as one table. Beside `ort_api.ts` the only file that uses FFI.
 *
 * ONNX Runtime uses the same library, so both see the same device, the same context and the same memory.
 * @module
 */
import { DeviceError } from "../errors.ts";
import { cudaError } from "./cuda_faults.ts";
import { type Handle, handleFrom, textOf } from "./ort_api.ts";

/** Names and parameters as in cuda_runtime_api.h; each gives a `cudaError_t`. */
// deno-fmt-ignore
const functions = {
  cudaGetDeviceCount:        { parameters: ["buffer" /* out */], result: "i32" },
  cudaSetDevice:             { parameters: ["i32"], result: "i32" },
  cudaMemGetInfo:            { parameters: ["buffer" /* out: free */, "buffer" /* out: all */], result: "i32" },
  cudaMalloc:                { parameters: ["buffer" /* out */, "usize"], result: "i32" },
  cudaFree:                  { parameters: ["pointer"], result: "i32" },
  cudaMallocHost:            { parameters: ["buffer" /* out */, "usize"], result: "i32" },
  cudaFreeHost:              { parameters: ["pointer"], result: "i32" },
  cudaStreamCreateWithFlags: { parameters: ["buffer" /* out */, "u32"], result: "i32" },
  cudaStreamDestroy:         { parameters: ["pointer"], result: "i32" },
  cudaMemcpyAsync:           { parameters: ["pointer" /* to */, "pointer" /* from */, "usize", "i32" /* direction */, "pointer" /* stream */], result: "i32" },
  cudaEventCreateWithFlags:  { parameters: ["buffer" /* out */, "u32"], result: "i32" },
  cudaEventRecord:           { parameters: ["pointer", "pointer" /* stream */], result: "i32" },
  cudaEventSynchronize:      { parameters: ["pointer"], result: "i32", nonblocking: true },
  cudaEventDestroy:          { parameters: ["pointer"], result: "i32" },
  cudaGetErrorString:        { parameters: ["i32"], result: "pointer" },
} as const satisfies Deno.ForeignLibraryInterface;

/** Flags and directions of driver_types.h. */
export const streamFlags = { nonBlocking: 1 };
export const eventFlags = { blockingSync: 1, disableTiming: 2 };
export const copyDirection = { hostToDevice: 1 };

type Symbols = Deno.StaticForeignLibraryInterface<typeof functions>;
type Call = Exclude<keyof typeof functions, "cudaGetErrorString" | "cudaEventSynchronize">;

export interface CudaApi {
  /** @throws DeviceError saying what could not be done */
  call<Name extends Call>(doing: string, name: Name, ...args: Parameters<Symbols[Name]>): void;
  /** As `call`, for a function that writes one handle to its first parameter. */
  handle<Name extends Call>(doing: string, name: Name, ...rest: unknown[]): Handle;
  /** Resolves when the device has got so far; waits on a thread of its own. */
  reached(doing: string, event: Handle): Promise<void>;
}

/** CUDA 13 is what the published provider is made with, 12 what older ones are. */
export const cudaRuntimeNames: readonly string[] = ["libcudart.so.13", "libcudart.so.12"];

const loaded = new Map<string, CudaApi>();

/**
 * Opens the first of these libraries that is there; it stays until the process ends.
 * @throws DeviceError when none is
 */
export function loadCudaApi(names: readonly string[] = cudaRuntimeNames): CudaApi {
  const reasons: string[] = [];
  for (const name of names) {
    const known = loaded.get(name);
    if (known) return known;
    try {
      const api = apiOf(Deno.dlopen(name, functions).symbols);
      loaded.set(name, api);
      return api;
    } catch (cause) {
      if (cause instanceof Deno.errors.NotCapable) throw cause;
      reasons.push(reasonOf(cause));
    }
  }
  throw new DeviceError("missing", `Cannot use a GPU: the CUDA runtime is not installed (${reasons.join("; ")})`);
}

/** Why a library cannot be opened, or undefined when it can. Opened, it stays. */
export function whyNotOpened(name: string): string | undefined {
  try {
    Deno.dlopen(name, {});
    return undefined;
  } catch (cause) {
    if (cause instanceof Deno.errors.NotCapable) throw cause;
    return reasonOf(cause);
  }
}

/** The memory at an address as bytes of the program; whoever frees it must have forgotten them. */
export function bytesAt(address: Handle, sizeBytes: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Deno.UnsafePointerView.getArrayBuffer(address, sizeBytes));
}

/** Deno says twice that it could not open a library; the loader's own words come last. */
const reasonOf = (cause: unknown) => (cause as Error).message.replace(/^(Could not open library: )+/, "");

function apiOf(symbols: Symbols): CudaApi {
  const check = (doing: string, code: number) => {
    if (code !== 0) throw cudaError(code, textOf(symbols.cudaGetErrorString(code)), doing);
  };
  const call = (doing: string, name: Call, ...args: unknown[]) =>
    check(doing, (symbols[name] as (...args: unknown[]) => number)(...args));
  return {
    call,
    handle: (doing, name, ...rest) => handleFrom((out) => call(doing, name, out, ...rest)),
    async reached(doing, event) {
      check(doing, await symbols.cudaEventSynchronize(event));
    },
  };
}
