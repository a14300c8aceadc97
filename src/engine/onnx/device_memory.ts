/**
 * Memory of a device for weights that come and go.
 * @module
 */
import { addressOf, type Handle } from "./ort_api.ts";

/** A piece of memory that graphs read. */
export interface DeviceMemory extends Disposable {
  readonly sizeBytes: number;
  readonly address: Handle;
}

/** A piece of main memory that copies to the device start from; page-locked for a GPU, so that they run beside all else. */
export interface StagingMemory extends Disposable {
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** What streaming asks of a device. */
export interface DeviceMemoryPort extends Disposable {
  /** @throws DeviceError when there is not enough */
  allocate(sizeBytes: number): DeviceMemory;
  stage(sizeBytes: number): StagingMemory;
  /**
   * Starts to copy the first bytes of `from`, beside whatever the device computes; resolves when they are there. Until then
   * neither piece may be touched.
   */
  upload(from: StagingMemory, to: DeviceMemory, sizeBytes: number): Promise<void>;
}

/** The CPU's: a copy within main memory, which proves on any machine what a GPU does. */
export function hostDeviceMemory(): DeviceMemoryPort {
  const piece = (sizeBytes: number) => {
    const bytes = new Uint8Array(sizeBytes);
    return { bytes, sizeBytes, address: addressOf(bytes), [Symbol.dispose]() {} };
  };
  const bytesOf = new WeakMap<DeviceMemory, Uint8Array>();
  return {
    allocate(sizeBytes) {
      const memory = piece(sizeBytes);
      bytesOf.set(memory, memory.bytes);
      return memory;
    },
    stage: piece,
    async upload({ bytes }, to, sizeBytes) {
      await Promise.resolve(); // as on a GPU, the caller goes on first
      bytesOf.get(to)!.set(bytes.subarray(0, sizeBytes));
    },
    [Symbol.dispose]() {},
  };
}
