/**
 * What the stages of the GPU benchmark share: the runtime, the model, time and video memory.
 * @module
 */
import { join } from "node:path";
import { cudaMemoryInfo } from "../../src/engine/onnx/cuda_memory.ts";
import { ExecutableCache } from "../../src/engine/onnx/executable_cache.ts";
import type { CudaDevice, Device, Runtime } from "../../src/engine/onnx/runtime.ts";
import { StreamedBlocks, type WeightPlacement } from "../../src/engine/streaming/streamed_blocks.ts";
import { FramePackTransformer, transformerSource } from "../../src/engine/transformer.ts";
import type { TransformerSource } from "../../src/engine/transformer_graphs.ts";
import { timed } from "../figure.ts";
import { type GpuInputs, gpuInputs, type PictureSize } from "./inputs.ts";
import type { BlockCounts } from "./random_model.ts";

/** What a stage is measured with. Stages that take no more than this run on the CPU as well. */
export interface Bench {
  readonly runtime: Runtime;
  /** Where it is from, for engines of their own. */
  readonly libraryPath: string | undefined;
  readonly device: Device;
  /** Where the random model is or will be. */
  readonly folder: string;
  readonly blocks: BlockCounts;
  readonly size: PictureSize;
  /** Of `table`, the smallest first. */
  readonly sizes: readonly PictureSize[];
  readonly steps: number;
  readonly rounds: number;
  readonly python: string;
  /** Multiplications and additions per second in large bfloat16 products, once measured. */
  readonly matrixRate: number | undefined;
}

export interface GpuBench extends Bench {
  readonly device: CudaDevice;
}

/** Prompt tokens; the maximum of 256 would add about 2 % of work. */
const textTokens = 64;
export const going = new AbortController().signal;

/** Compiled graphs of a stage; no operator of a GPU may be left to the CPU. */
export const stageExecutables = ({ runtime, device }: Bench): ExecutableCache =>
  new ExecutableCache(runtime, { device, weights: "resident", nodesOnCpu: "refused", idleThreads: "sleep" });

/** What is measured with weights that are no model's. */
export const randomWeights = "random, of the published names and shapes";

export interface LoadedTransformer extends AsyncDisposable {
  readonly transformer: FramePackTransformer;
  /** At the benchmark's size. */
  readonly inputs: GpuInputs;
  readonly inputsOf: (size: PictureSize) => GpuInputs;
}

export interface TransformerChoice {
  /** How many of its blocks. Default: all. */
  readonly counts?: BlockCounts;
  /** Default: the benchmark's model. */
  readonly folder?: string;
  /** Into how many parts of its tokens the MLP of a block is cut. Default 1. */
  readonly mlpChunks?: number;
}

/** A folder's transformer, on a GPU in bfloat16. */
export async function openTransformer(
  bench: Bench,
  placementOf: (counts: BlockCounts) => WeightPlacement,
  { counts, folder = join(bench.folder, "transformer"), mlpChunks = 1 }: TransformerChoice = {},
): Promise<LoadedTransformer> {
  const { runtime, device } = bench;
  const found = await transformerSource(folder);
  const { dual, single } = counts ?? { dual: found.config.dualBlocks, single: found.config.singleBlocks };
  const config = { ...found.config, dualBlocks: dual, singleBlocks: single };
  const source: TransformerSource = { ...found, config, computeDType: precisionOn(device), mlpChunks };
  const executables = stageExecutables(bench);
  const blocks = new StreamedBlocks({ source, executables, runtime, device, placement: placementOf({ dual, single }) });
  return {
    transformer: new FramePackTransformer(source, executables, blocks),
    inputs: gpuInputs(config, bench.size, textTokens),
    inputsOf: (size) => gpuInputs(config, size, textTokens),
    async [Symbol.asyncDispose]() {
      await blocks[Symbol.asyncDispose]();
      await executables[Symbol.asyncDispose]();
    },
  };
}

/** What the transformer calculates in: the CPU has no kernels for bfloat16. */
export const precisionOn = ({ kind }: Device): "bfloat16" | "float32" => kind === "cuda" ? "bfloat16" : "float32";

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

/** Bytes of the card's memory that somebody has; none without a card. */
export function takenBytes({ device }: Bench): number {
  if (device.kind === "cpu") return 0;
  const { freeBytes, totalBytes } = cudaMemoryInfo(device.index);
  return totalBytes - freeBytes;
}

/**
 * Gives back what graphs have worked in, so that whoever comes next finds the card as it was; no graph may be left. ONNX
 * Runtime would keep it until the process ends.
 */
export function releaseWorkingMemory({ runtime, device }: Bench): void {
  if (device.kind === "cuda") runtime.releaseArena(device);
}

/** The most of the card's memory that was taken while `work` went on, by whomever, asked every 10 ms. */
export async function peakMemory<T>(
  bench: Bench,
  work: () => Promise<T>,
): Promise<{ result: T; peakBytes: number; beforeBytes: number }> {
  const beforeBytes = takenBytes(bench);
  let peakBytes = beforeBytes;
  const asking = setInterval(() => peakBytes = Math.max(peakBytes, takenBytes(bench)), 10);
  try {
    const result = await work();
    return { result, peakBytes: Math.max(peakBytes, takenBytes(bench)), beforeBytes };
  } finally {
    clearInterval(asking);
  }
}
