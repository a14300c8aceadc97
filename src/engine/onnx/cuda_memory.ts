/**
 * A GPU's memory, and copies into it on a stream of their own: they run beside what ONNX Runtime computes.
 * @module
 */
import { type Handle, numberFrom } from "./ort_api.ts";
import { bytesAt, copyDirection, type CudaApi, eventFlags, loadCudaApi, streamFlags } from "./cuda_api.ts";
import type { DeviceMemory, DeviceMemoryPort, StagingMemory } from "./device_memory.ts";

/**
 * The memory of one GPU.
 * @param libraryNames where the CUDA runtime may be; default: CUDA 13, then 12
 * @param take where pieces come from; default: from CUDA
 * @throws DeviceError when there is no runtime, no driver or no such GPU
 */
export function openCudaMemory(
  index: number,
  libraryNames?: readonly string[],
  take?: (sizeBytes: number) => Piece,
): DeviceMemoryPort {
  return new CudaMemory(loadCudaApi(libraryNames), index, take);
}

/** Memory of a GPU that somebody has given. */
export interface Piece {
  readonly address: Handle;
  readonly free: () => void;
}

/** Bytes of a GPU's memory that nobody has, and all there are. @throws DeviceError */
export function cudaMemoryInfo(
  index: number,
  libraryNames?: readonly string[],
): { readonly freeBytes: number; readonly totalBytes: number } {
  const cuda = loadCudaApi(libraryNames);
  const doing = `ask for the memory of GPU ${index}`;
  cuda.call(doing, "cudaSetDevice", index);
  const total = new BigUint64Array(1);
  const freeBytes = numberFrom((out) => cuda.call(doing, "cudaMemGetInfo", out, total));
  return { freeBytes, totalBytes: Number(total[0]) };
}

class CudaMemory implements DeviceMemoryPort {
  readonly #cuda: CudaApi;
  readonly #index: number;
  readonly #stream: Handle;
  readonly #events: Handle[] = [];
  readonly #stagingAddresses = new WeakMap<StagingMemory, Handle>();
  readonly #take: (sizeBytes: number) => Piece;

  constructor(cuda: CudaApi, index: number, take?: (sizeBytes: number) => Piece) {
    this.#cuda = cuda;
    this.#index = index;
    this.#take = take ?? ((sizeBytes) => this.#takeFromCuda(sizeBytes));
    this.#select(`use GPU ${index}`);
    this.#stream = cuda.handle(`use GPU ${index}`, "cudaStreamCreateWithFlags", streamFlags.nonBlocking);
  }

  allocate(sizeBytes: number): DeviceMemory {
    const { address, free } = this.#take(sizeBytes);
    return { sizeBytes, address, [Symbol.dispose]: once(free) };
  }

  #takeFromCuda(sizeBytes: number): Piece {
    const doing = `take ${megabytes(sizeBytes)} MB of the memory of GPU ${this.#index}`;
    this.#select(doing);
    const address = this.#cuda.handle(doing, "cudaMalloc", BigInt(sizeBytes));
    return { address, free: () => this.#cuda.call("free a GPU's memory", "cudaFree", address) };
  }

  stage(sizeBytes: number): StagingMemory {
    const doing = `lock ${megabytes(sizeBytes)} MB of main memory for GPU ${this.#index}`;
    this.#select(doing);
    const address = this.#cuda.handle(doing, "cudaMallocHost", BigInt(sizeBytes));
    const free = once(() => this.#cuda.call("free locked memory", "cudaFreeHost", address));
    const staging: StagingMemory = { bytes: bytesAt(address, sizeBytes), [Symbol.dispose]: free };
    this.#stagingAddresses.set(staging, address);
    return staging;
  }

  async upload(from: StagingMemory, to: DeviceMemory, sizeBytes: number): Promise<void> {
    const doing = `copy weights to GPU ${this.#index}`;
    this.#select(doing);
    const event = this.#events.pop() ??
      this.#cuda.handle(doing, "cudaEventCreateWithFlags", eventFlags.blockingSync | eventFlags.disableTiming);
    try {
      const source = this.#stagingAddresses.get(from)!;
      const size = BigInt(sizeBytes);
      this.#cuda.call(doing, "cudaMemcpyAsync", to.address, source, size, copyDirection.hostToDevice, this.#stream);
      this.#cuda.call(doing, "cudaEventRecord", event, this.#stream);
      await this.#cuda.reached(doing, event);
    } finally {
      this.#events.push(event);
    }
  }

  /** No copy may be under way. Pieces of memory are freed by who has them. */
  [Symbol.dispose](): void {
    for (const event of this.#events.splice(0)) this.#cuda.call("leave a GPU", "cudaEventDestroy", event);
    this.#cuda.call("leave a GPU", "cudaStreamDestroy", this.#stream);
  }

  /** CUDA keeps the device it works on per thread; other parts of the program may have changed it. */
  #select(doing: string): void {
    this.#cuda.call(doing, "cudaSetDevice", this.#index);
  }
}

const megabytes = (bytes: number) => Math.ceil(bytes / 1e6);

function once(act: () => void): () => void {
  let isDone = false;
  return () => {
    if (!isDone) act();
    isDone = true;
  };
}
