/**
 * ONNX Runtime with a GPU of any size that computes nothing: what is compiled for it is written down, its memory is the fake
 * CUDA runtime's.
 * @module
 */
import { cudaMemoryInfo, openCudaMemory } from "../src/engine/onnx/cuda_memory.ts";
import type { CompileOptions, Executable, Runtime } from "../src/engine/onnx/runtime.ts";

export interface PretendedCard {
  readonly runtime: Runtime;
  /** Options of everything that was compiled, and how much of it is still held. */
  readonly compiled: CompileOptions[];
  readonly held: () => number;
  readonly arenasReleased: () => number;
}

/** @param refuse what a graph for the card fails with, if it does */
export function pretendedCard(
  library: string,
  refuse: (options: CompileOptions) => Error | undefined = () => undefined,
): PretendedCard {
  const compiled: CompileOptions[] = [];
  const [held, released] = [{ count: 0 }, { count: 0 }];
  const unused = (): never => {
    throw new Error("A pretended card computes nothing");
  };
  const runtime: Runtime = {
    compile(_, options) {
      const fault = refuse(options);
      if (fault) return Promise.reject(fault);
      compiled.push(options);
      held.count++;
      const dispose = () => void held.count--;
      const executable: Executable = {
        inputs: [],
        outputs: [],
        run: unused,
        runInto: unused,
        [Symbol.dispose]: dispose,
      };
      return Promise.resolve(executable);
    },
    whyNot: () => undefined,
    memoryInfo: ({ index }) => cudaMemoryInfo(index, [library]),
    releaseArena: () => void released.count++,
    openMemory: () => openCudaMemory(0, [library]),
    tensorIn: unused,
    [Symbol.dispose]() {},
  };
  return { runtime, compiled, held: () => held.count, arenasReleased: () => released.count };
}
