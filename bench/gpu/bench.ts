/**
 * What the stages of the GPU benchmark share: the runtime, the model, time and video memory.
 * @module
 */
import { join } from "node:path";
import { cudaMemoryInfo } from "../../src/engine/onnx/cuda_memory.ts";
import { ExecutableCache } from "../../src/engine/onnx/executable_cache.ts";
import type { Device, Runtime } from "../../src/engine/onnx/runtime.ts";
import { StreamedBlocks, type WeightPlacement } from "../../src/engine/streaming/streamed_blocks.ts";
import { FramePackTransformer, transformerSource } from "../../src/engine/transformer.ts";
import type { TransformerSource } from "../../src/engine/transformer_graphs.ts";
import { timed } from "../figure.ts";
import { type GpuInputs, gpuInputs, type PictureSize } from "./inputs.ts";
import type { BlockCounts } from "./random_model.ts";

export interface GpuBench {
  readonly runtime: Runtime;
  /** Where it is from, for engines of their own. */
  readonly libraryPath: string | undefined;
  readonly device: Extract<Device, { kind: "cuda" }>;
  /** Where the random model is or will be. */
  readonly folder: string;
  readonly blocks: BlockCounts;
  readonly size: PictureSize;
  readonly steps: number;
  readonly rounds: number;
  readonly python: string;
  /** Multiplications and additions per second in large bfloat16 products, once measured. */
  readonly matrixRate: number | undefined;
}

/** Prompt tokens; the maximum of 256 would add about 2 % of work. */
const textTokens = 64;
export const going = new AbortController().signal;

/** Compiled graphs of a stage; no operator may be left to the CPU. */
export const gpuExecutables = ({ runtime, device }: GpuBench): ExecutableCache =>
  new ExecutableCache(runtime, { device, weights: "resident", nodesOnCpu: "refused" });

export interface LoadedTransformer extends AsyncDisposable {
  readonly transformer: FramePackTransformer;
  readonly inputs: GpuInputs;
}

/** A folder's transformer in bfloat16. @param counts how many of its blocks; default: all */
export async function openTransformer(
  bench: GpuBench,
  placementOf: (counts: BlockCounts) => WeightPlacement,
  counts?: BlockCounts,
  folder: string = join(bench.folder, "transformer"),
): Promise<LoadedTransformer> {
  const { runtime, device } = bench;
  const found = await transformerSource(folder);
  const { dual, single } = counts ?? { dual: found.config.dualBlocks, single: found.config.singleBlocks };
  const config = { ...found.config, dualBlocks: dual, singleBlocks: single };
  const source: TransformerSource = { ...found, config, computeDType: "bfloat16" };
  const executables = gpuExecutables(bench);
  const blocks = new StreamedBlocks({ source, executables, runtime, device, placement: placementOf({ dual, single }) });
  return {
    transformer: new FramePackTransformer(source, executables, blocks),
    inputs: gpuInputs(config, bench.size, textTokens),
    async [Symbol.asyncDispose]() {
      await blocks[Symbol.asyncDispose]();
      executables[Symbol.dispose]();
    },
  };
}

const all = (count: number) => Array.from({ length: count }, (_, index) => index);
export const allResident = ({ dual, single }: BlockCounts): WeightPlacement => ({
  dual: { resident: all(dual) },
  single: { resident: all(single) },
});
export const allStreamed = (): WeightPlacement => ({ dual: { resident: [] }, single: { resident: [] } });

/** Forward passes in a row, without and with the first one, which loads weights and chooses kernels. */
export async function forwardPasses({ transformer, inputs }: LoadedTransformer, rounds: number) {
  const { conditions, section, latents, timestep } = inputs;
  await transformer.warm(section.shape);
  using conditioned = await transformer.condition(conditions, going);
  await conditioned.prepare([timestep], going);
  using model = await conditioned.section(section, going);
  let velocity = new Float32Array();
  const seconds: number[] = [];
  for (let round = 0; round <= rounds; round++) {
    seconds.push(
      await timed(async () => {
        const embedded = await model.embed(latents, timestep, going);
        velocity = new Float32Array((await model.run(embedded, going)).velocity);
      }),
    );
  }
  return { velocity, firstSeconds: seconds[0]!, seconds: seconds.slice(1) };
}

/** The most of the card's memory that was taken while `work` went on, by whomever, asked every 10 ms. */
export async function peakMemory<T>(
  { device: { index } }: GpuBench,
  work: () => Promise<T>,
): Promise<{ result: T; peakBytes: number; beforeBytes: number }> {
  const taken = () => {
    const { freeBytes, totalBytes } = cudaMemoryInfo(index);
    return totalBytes - freeBytes;
  };
  const beforeBytes = taken();
  let peakBytes = beforeBytes;
  const asking = setInterval(() => peakBytes = Math.max(peakBytes, taken()), 10);
  try {
    const result = await work();
    return { result, peakBytes: Math.max(peakBytes, taken()), beforeBytes };
  } finally {
    clearInterval(asking);
  }
}
