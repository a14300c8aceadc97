/**
 * The transformer of a folder as a GPU runs it: in bfloat16, block by block.
 * @module
 */
import { isOfBlocks } from "./memory/mod.ts";
import type { ExecutableCache } from "./onnx/executable_cache.ts";
import { requireFloat8Numbers } from "./onnx/float8_weights.ts";
import type { Device, Runtime } from "./onnx/runtime.ts";
import { StreamedBlocks, type WeightPlacement } from "./streaming/streamed_blocks.ts";
import { FramePackTransformer, transformerSource } from "./transformer.ts";
import type { TransformerSource } from "./transformer_graphs.ts";

export interface GpuTransformerOptions {
  /** Where condition embedders are compiled. Default: with all else. */
  readonly conditioning?: ExecutableCache;
  readonly runtime: Pick<Runtime, "openMemory" | "tensorIn">;
  readonly device: Device;
  /** Default: every block keeps its weights on the device. */
  readonly placement?: WeightPlacement | undefined;
  /** Into how many parts of its tokens the MLP of a block is cut. Default 1. */
  readonly mlpChunks?: number | undefined;
}

/** @throws CheckpointError; DeviceError when the device cannot be reached */
export async function loadGpuTransformer(
  folder: string,
  executables: ExecutableCache,
  { runtime, device, placement, mlpChunks = 1, conditioning = executables }: GpuTransformerOptions,
): Promise<{ readonly transformer: FramePackTransformer; readonly blocks: StreamedBlocks }> {
  const source: TransformerSource = { ...await transformerSource(folder), computeDType: "bfloat16", mlpChunks };
  const { checkpoint } = source;
  // Those of the blocks are looked at when they are read.
  await requireFloat8Numbers(checkpoint, checkpoint.names().filter((name) => !isOfBlocks(name)));
  const everywhere = placement ?? allResident(source);
  const blocks = new StreamedBlocks({ source, executables, conditioning, runtime, device, placement: everywhere });
  return { transformer: new FramePackTransformer(source, executables, blocks, conditioning), blocks };
}

function allResident({ config: { dualBlocks, singleBlocks } }: TransformerSource): WeightPlacement {
  const all = (count: number) => ({ resident: Array.from({ length: count }, (_, index) => index) });
  return { dual: all(dualBlocks), single: all(singleBlocks) };
}
