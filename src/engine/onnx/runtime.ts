/**
 * ONNX Runtime, driven through its C interface: graphs in, executables out.
 *
 * The npm binding is not used: its runs block the event loop, cannot be cancelled, and take no bfloat16.
 * @module
 */
import { fileURLToPath } from "node:url";
import { DeviceError, InferenceError } from "../errors.ts";
import { deviceErrorIn } from "./cuda_faults.ts";
import { type CudaDevice, type Device, deviceMemoryPlace, hostMemoryPlace } from "./device.ts";
import { cudaMemoryInfo, openCudaMemory } from "./cuda_memory.ts";
import { reachCudaArena, releaseCudaArena, shareCudaArena, takeFromArena } from "./cuda_arena.ts";
import { appendCuda, cudaSessionEntries, requireProvider } from "./cuda_provider.ts";
import { type DeviceMemory, type DeviceMemoryPort, hostDeviceMemory } from "./device_memory.ts";
import { DeviceTensor, valueOver } from "./device_tensor.ts";
import { type Executable, OrtExecutable } from "./executable.ts";
import {
  addressBehind,
  cString,
  type Handle,
  handleFrom,
  handleFromAsync,
  loadOrtApi,
  type OrtApi,
} from "./ort_api.ts";
import { type DType, elementBytes, elementCount } from "./tensor.ts";

export type { CudaDevice, Device } from "./device.ts";
export type { Executable, Port } from "./executable.ts";

export interface RuntimeOptions {
  /** An ONNX Runtime ≥ 1.25; default: the one inside npm:onnxruntime-node. */
  readonly libraryPath?: string;
  /** What ONNX Runtime writes to standard error. Default "error". */
  readonly logSeverity?: LogSeverity;
  /** Files that may be the CUDA runtime, the first one found is used. Default: CUDA 13's, then 12's. */
  readonly cudaLibraries?: readonly string[];
}

const logSeverities = ["verbose", "info", "warning", "error", "fatal"] as const;
export type LogSeverity = (typeof logSeverities)[number];

export interface CompileOptions {
  readonly device: Device;
  /** Threads one operator may use, the caller's among them. Default: the processors this process may use. */
  readonly threads?: number;
  /** Whether idle threads wait for work in a loop (`spin`: fastest alone on the machine) or asleep. Default `spin`. */
  readonly idleThreads?: "spin" | "sleep";
  /**
   * `resident`: weights are converted and packed once for speed, in memory of their own.
   * `mapped`: they stay pages of their file; conversions are computed in every run.
   */
  readonly weights: "resident" | "mapped";
  /** Whether a GPU may leave operators that it has no kernel for to the CPU, unseen. Default `allowed`. */
  readonly nodesOnCpu?: "allowed" | "refused";
  /** Whether the executable is kept for good or leaves after each use; then a GPU has its weights in the arena. Default `always`. */
  readonly stay?: "always" | "while used";
  readonly signal?: AbortSignal;
}

export interface Runtime extends Disposable {
  /**
   * Makes a serialized ONNX model ready to run. External data locations are absolute paths without their leading slash.
   * @throws InferenceError when the model is refused; the signal's reason when stopped
   */
  compile(model: Uint8Array<ArrayBuffer>, options: CompileOptions): Promise<Executable>;
  /** Why nothing can be computed on a device, or undefined when it can. */
  whyNot(device: Device): DeviceError | undefined;
  /** A GPU's memory. @throws DeviceError when it cannot be reached */
  memoryInfo(device: CudaDevice): DeviceMemoryInfo;
  /** Gives a GPU's working memory up; no executable of it may be left. The next one decides on the size anew. */
  releaseArena(device: CudaDevice): void;
  /**
   * Memory of a device, taken from what is `free` there (default), or from the `arena` that graphs compute in, which is there
   * from the first compiled graph on.
   * @throws DeviceError when the device cannot be reached
   */
  openMemory(device: Device, from?: MemorySource): DeviceMemoryPort;
  /** The tensor that lies at a place in a piece of such memory: `owned` memory goes with it. Default `borrowed`. */
  tensorIn(device: Device, memory: DeviceMemory, place: TensorPlace, whose?: "owned" | "borrowed"): DeviceTensor;
}

export type MemorySource = "free" | "arena";

/** In bytes: what nobody has, and all there is. */
export interface DeviceMemoryInfo {
  readonly freeBytes: number;
  readonly totalBytes: number;
}

/** `offsetBytes` is a multiple of the element's size. */
export interface TensorPlace {
  readonly offsetBytes: number;
  readonly dtype: DType;
  readonly shape: readonly number[];
}

/**
 * Opens ONNX Runtime. Executables live on after the runtime they came from is disposed.
 * @throws InferenceError when there is no usable library
 */
export function openRuntime(options: RuntimeOptions = {}): Runtime {
  // From 1.29 on the library writes a device id and calls home unless this is set before it is loaded.
  Deno.env.set("ORT_DISABLE_TELEMETRY", "1");
  const libraryPath = options.libraryPath ?? packagedLibraryPath();
  const api = loadOrtApi(libraryPath);
  return new OrtRuntime(api, libraryPath, options);
}

/** The library inside npm:onnxruntime-node, found without importing the package's addon. */
export function packagedLibraryPath(): string {
  const platform = { linux: "linux", darwin: "darwin", windows: "win32" }[Deno.build.os as string];
  const file = { linux: "libonnxruntime.so.1", darwin: "libonnxruntime.1.dylib", windows: "onnxruntime.dll" };
  if (!platform) throw new InferenceError(`npm:onnxruntime-node has no library for ${Deno.build.os}`);
  const architecture = Deno.build.arch === "aarch64" ? "arm64" : "x64";
  const name = file[Deno.build.os as keyof typeof file];
  const path = `../bin/napi-v6/${platform}/${architecture}/${name}`;
  return fileURLToPath(new URL(path, import.meta.resolve("onnxruntime-node")));
}

class OrtRuntime implements Runtime {
  readonly #api: OrtApi;
  readonly #libraryPath: string;
  readonly #logSeverity: number;
  readonly #cudaLibraries: readonly string[] | undefined;
  #env: Handle | undefined;

  constructor(api: OrtApi, libraryPath: string, { logSeverity = "error", cudaLibraries }: RuntimeOptions) {
    this.#api = api;
    this.#libraryPath = libraryPath;
    this.#logSeverity = logSeverities.indexOf(logSeverity);
    this.#cudaLibraries = cudaLibraries;
    this.#env = this.#shareEnv();
    shareArena(api, this.#env);
  }

  /** ONNX Runtime has one environment per process; it goes when it has been released as often as it was created. */
  #shareEnv(): Handle {
    return handleFrom((out) => this.#api.createEnv(this.#logSeverity, cString("framecast"), out));
  }

  async compile(model: Uint8Array<ArrayBuffer>, options: CompileOptions): Promise<Executable> {
    if (!this.#env) throw new InferenceError("Cannot compile: the runtime is disposed");
    options.signal?.throwIfAborted();
    const { device } = options;
    const api = this.#api;
    const env = this.#shareEnv();
    let session: Handle;
    try {
      session = await this.#createSession(env, model, options);
    } catch (cause) {
      api.releaseEnv(env);
      options.signal?.throwIfAborted();
      const isKnown = device.kind === "cpu" || cause instanceof DeviceError;
      throw isKnown ? cause : deviceErrorIn((cause as Error).message) ?? cause;
    }
    const places = { device: deviceMemoryPlace(api, device), host: hostMemoryPlace(api) };
    const executable = new OrtExecutable(api, env, session, places);
    if (options.signal?.aborted) executable[Symbol.dispose]();
    options.signal?.throwIfAborted();
    return executable;
  }

  whyNot(device: Device): DeviceError | undefined {
    if (device.kind === "cpu") return undefined;
    const options = handleFrom((out) => this.#api.createSessionOptions(out));
    try {
      requireProvider(device, this.#libraryPath);
      cudaMemoryInfo(device.index, this.#cudaLibraries);
      appendCuda(this.#api, options, device, this.#libraryPath);
      return undefined;
    } catch (cause) {
      if (cause instanceof DeviceError) return cause;
      throw cause;
    } finally {
      this.#api.releaseSessionOptions(options);
    }
  }

  memoryInfo({ index }: CudaDevice): DeviceMemoryInfo {
    return cudaMemoryInfo(index, this.#cudaLibraries);
  }

  releaseArena(device: CudaDevice): void {
    if (this.#env) releaseCudaArena(this.#api, this.#env, device);
  }

  openMemory(device: Device, from: MemorySource = "free"): DeviceMemoryPort {
    if (device.kind === "cpu") return hostDeviceMemory();
    if (from === "free") return openCudaMemory(device.index, this.#cudaLibraries);
    return openCudaMemory(
      device.index,
      this.#cudaLibraries,
      (sizeBytes) => takeFromArena(this.#api, device, sizeBytes),
    );
  }

  tensorIn(
    device: Device,
    memory: DeviceMemory,
    { offsetBytes, dtype, shape }: TensorPlace,
    whose: "owned" | "borrowed" = "borrowed",
  ): DeviceTensor {
    const lengthBytes = elementCount(shape) * elementBytes[dtype];
    if (offsetBytes + lengthBytes > memory.sizeBytes) {
      throw new RangeError(
        `Cannot place ${dtype} [${shape}] at byte ${offsetBytes} of ${memory.sizeBytes}: it needs ${lengthBytes}`,
      );
    }
    const place = deviceMemoryPlace(this.#api, device);
    const address = addressBehind(memory.address, offsetBytes);
    const value = valueOver(this.#api, place, { address, lengthBytes }, { dtype, shape });
    return new DeviceTensor(this.#api, place, value, { [whose]: memory });
  }

  async #createSession(env: Handle, model: Uint8Array<ArrayBuffer>, options: CompileOptions): Promise<Handle> {
    const api = this.#api;
    const sessionOptions = handleFrom((out) => api.createSessionOptions(out));
    const cancel = () => api.setLoadCancellationFlag(sessionOptions, true);
    options.signal?.addEventListener("abort", cancel);
    try {
      configure(api, sessionOptions, options, this.#libraryPath);
      if (options.device.kind === "cuda") shareCudaArena(api, env, options.device);
      const session = await handleFromAsync((out) =>
        api.createSessionFromArray(env, model, BigInt(model.byteLength), sessionOptions, out)
      );
      if (options.device.kind === "cuda") reachCudaArena(api, session, options.device);
      return session;
    } finally {
      options.signal?.removeEventListener("abort", cancel);
      api.releaseSessionOptions(sessionOptions);
    }
  }

  [Symbol.dispose](): void {
    if (this.#env) this.#api.releaseEnv(this.#env);
    this.#env = undefined;
  }
}

/** One pool of working memory for all executables, instead of one each that keeps its largest need. */
function shareArena(api: OrtApi, env: Handle): void {
  try {
    api.createAndRegisterAllocator(env, hostMemoryPlace(api).info, null);
  } catch (cause) {
    // The environment is the process's: an earlier runtime has done it.
    if (!/already/.test((cause as Error).message)) throw cause;
  }
}

/** GraphOptimizationLevel. Our graphs have little left to fuse: `all` is worth a few percent, and seconds on a large one. */
const optimizationLevels = { resident: 99, mapped: 0 } as const; // ORT_ENABLE_ALL, ORT_DISABLE_ALL

function configure(api: OrtApi, session: Handle, options: CompileOptions, libraryPath: string): void {
  api.setSessionGraphOptimizationLevel(session, optimizationLevels[options.weights]);
  api.setIntraOpNumThreads(session, options.threads ?? navigator.hardwareConcurrency);
  api.setInterOpNumThreads(session, 1);
  const entries: Record<string, string> = {
    // External data may lie anywhere below this folder.
    "session.model_external_initializers_file_folder_path": "/",
    "session.use_env_allocators": "1",
    "session.intra_op.allow_spinning": options.idleThreads === "sleep" ? "0" : "1",
  };
  if (options.weights === "mapped") {
    entries["session.disable_prepacking"] = "1";
  }
  if (options.device.kind === "cuda") {
    Object.assign(entries, cudaSessionEntries(options.nodesOnCpu ?? "allowed", options.stay ?? "always"));
    appendCuda(api, session, options.device, libraryPath);
  }
  for (const [key, value] of Object.entries(entries)) api.addSessionConfigEntry(session, cString(key), cString(value));
}
