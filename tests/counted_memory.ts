/**
 * Main memory as a device's, which counts what of it is held.
 * @module
 */
import type { DeviceMemoryPort } from "../src/engine/onnx/device_memory.ts";
import type { MemorySource, Runtime } from "../src/engine/onnx/runtime.ts";

export interface CountedMemory {
  readonly runtime: Pick<Runtime, "openMemory" | "tensorIn">;
  /** Pieces that are held, in bytes, in the order in which they were taken. */
  readonly held: () => number[];
  /** The most that was held at once, in bytes, and from where it was taken. */
  readonly peakBytes: () => number;
  readonly sources: MemorySource[];
}

export function countedMemory(runtime: Pick<Runtime, "openMemory" | "tensorIn">): CountedMemory {
  const held = new Map<unknown, number>();
  const sources: MemorySource[] = [];
  let peak = 0;
  const sum = () => [...held.values()].reduce((total, bytes) => total + bytes, 0);
  return {
    held: () => [...held.values()],
    peakBytes: () => peak,
    sources,
    runtime: {
      openMemory(device, from = "free") {
        sources.push(from);
        return counted(runtime.openMemory(device));
      },
      tensorIn: (...place) => runtime.tensorIn(...place),
    },
  };

  function counted(port: DeviceMemoryPort): DeviceMemoryPort {
    return {
      allocate(sizeBytes) {
        const memory = port.allocate(sizeBytes);
        held.set(memory, sizeBytes);
        peak = Math.max(peak, sum());
        const { [Symbol.dispose]: release } = memory;
        return Object.assign(memory, {
          [Symbol.dispose]() {
            held.delete(memory);
            release();
          },
        });
      },
      stage: (sizeBytes) => port.stage(sizeBytes),
      upload: (...copy) => port.upload(...copy),
      [Symbol.dispose]: () => port[Symbol.dispose](),
    };
  }
}
