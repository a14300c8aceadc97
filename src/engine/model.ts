/**
 * A model folder in memory: its parts ready to be asked, in the Hugging Face layout of the published repositories.
 * @module
 */
import { join } from "node:path";
import { CheckpointError } from "./errors.ts";
import { type ImageEncoder, loadImageEncoder, loadTextEncoder, type TextEncoder } from "./encoders.ts";
import type { DecodeOrder, GenerationEvent } from "./event.ts";
import { loadGpuTransformer } from "./gpu_transformer.ts";
import type { LoraFile } from "./lora/adapter_file.ts";
import { LoraSets } from "./lora/lora_sets.ts";
import { type Manifest, offeredSizes, readManifest } from "./manifest.ts";
import type { VaeConfig } from "./networks/vae_config.ts";
import type { MemoryPlan, Place } from "./memory/mod.ts";
import { modelParts, partNames } from "./model_parts.ts";
import { ExecutableCache } from "./onnx/executable_cache.ts";
import type { CompileOptions, Runtime } from "./onnx/runtime.ts";
import { type Checkpoint, openCheckpoint } from "./onnx/safetensors.ts";
import { elementBytes, elementCount } from "./onnx/tensor.ts";
import { historyGroups, hunyuanVideoRgb, type LatentRgbMap } from "./sampling/mod.ts";
import { SharedWeights } from "./streaming/shared_weights.ts";
import { StreamedLlama } from "./streaming/streamed_llama.ts";
import { type FramePackTransformer, loadTransformer } from "./transformer.ts";
import { loadVae, type Vae } from "./vae.ts";
import type { SpatialTiles } from "./vae_tiling.ts";

export interface ModelOptions extends Pick<CompileOptions, "device" | "threads" | "idleThreads"> {
  /** What lies where in a GPU's memory, and when a section is decoded. Default: everything stays there; between the others. */
  readonly plan?: Pick<MemoryPlan, "dual" | "single" | "mlpChunks" | "llama" | "smallEncoders" | "conditioning"> & {
    readonly vae: Pick<MemoryPlan["vae"], "place" | "decode">;
  };
  /** Main memory that a model on the CPU may take. Default: enough. */
  readonly availableMemoryBytes?: number;
  /** Whether pictures above 256 px a side are coded in tiles. Default `tiled`, as the reference does below 60 GB of VRAM. */
  readonly spatialTiles?: SpatialTiles;
}

/** Everything that one folder holds. */
export interface FramePackModel extends AsyncDisposable {
  readonly manifest: Manifest;
  /** As it lies in the folder, or under adapters. */
  readonly transformer: FramePackTransformer;
  readonly vae: Vae;
  /** On a CPU `between`: decoding beside the sampling would share its processors. */
  readonly decode: DecodeOrder;
  /** Whether decoding is tried before a video's first section is there, or beside its sampling: a GPU's memory may be short. */
  readonly rehearses: boolean;
  /** For previews; null where none is known for this autoencoder. */
  readonly latentRgb: LatentRgbMap | null;
  readonly textEncoder: TextEncoder;
  readonly imageEncoder: ImageEncoder;
  /**
   * The same model with these adapters in its transformer; it shares all else, and is good until the next call.
   * @throws RequestError naming the file that does not fit
   */
  underLoras(loras: readonly LoraFile[], signal: AbortSignal): Promise<FramePackModel>;
  /** Compiles what a video of the default size needs. */
  warm(signal: AbortSignal): AsyncGenerator<GenerationEvent>;
}

/**
 * Reads a folder's configurations and weight headers; graphs are compiled at first use.
 * @throws CheckpointError
 */
export async function loadModel(modelDir: string, runtime: Runtime, options: ModelOptions): Promise<FramePackModel> {
  const manifest = await readManifest(modelDir);
  const { spatialTiles = "tiled", plan } = options;
  const newCache = await cacheMaker(modelDir, runtime, options);
  const caches = {
    transformer: newCache(),
    conditioning: newCache(plan?.conditioning),
    llama: newCache(plan?.llama),
    smallEncoders: newCache(plan?.smallEncoders),
    vae: newCache(),
  };
  // As the published code runs them on a GPU; a CPU computes in float32 either way.
  const computeDType = options.device.kind === "cuda" ? "float16" : "float32";
  const gpu = options.device.kind === "cuda" ? { runtime, device: options.device } : undefined;
  const folder = join(modelDir, "transformer");
  const [{ transformer, blocks }, vae, textEncoder, imageEncoder] = await Promise.all([
    gpu
      ? loadGpuTransformer(folder, caches.transformer, {
        ...{ ...gpu, conditioning: caches.conditioning },
        ...{ placement: plan, mlpChunks: plan?.mlpChunks },
      })
      : loadTransformer(folder, caches.transformer).then((transformer) => ({ transformer, blocks: undefined })),
    loadVae(join(modelDir, "vae"), caches.vae, {
      spatialTiles,
      computeDType,
      ...(gpu && { weights: (checkpoint) => new SharedWeights({ ...gpu, checkpoint, stay: stayOf(plan?.vae.place) }) }),
    }),
    loadTextEncoder(modelDir, manifest, caches.llama, {
      computeDType,
      clipExecutables: caches.smallEncoders,
      ...(gpu && plan?.llama === "streamed" && {
        network: (source) => new StreamedLlama({ ...gpu, source, executables: caches.llama }),
      }),
    }),
    loadImageEncoder(modelDir, caches.smallEncoders, computeDType),
  ]);
  const loraSets = new LoraSets(transformer, () => newCache());
  const model: FramePackModel = {
    manifest,
    transformer,
    vae,
    decode: plan?.vae.decode ?? "between",
    rehearses: gpu !== undefined,
    latentRgb: latentRgbOf(manifest, vae.config),
    textEncoder,
    imageEncoder,
    async underLoras(loras, signal) {
      return { ...model, transformer: await loraSets.transformerUnder(loras, signal) };
    },
    warm: (signal) => warm({ manifest, transformer, vae, textEncoder, imageEncoder }, signal),
    async [Symbol.asyncDispose]() {
      await loraSets[Symbol.asyncDispose]();
      await blocks?.[Symbol.asyncDispose]();
      await vae[Symbol.asyncDispose]();
      for (const cache of Object.values(caches)) await cache[Symbol.asyncDispose]();
    },
  };
  return model;
}

/** Makes empty caches for parts of a model, whose graphs are where a plan says; default: they stay. */
async function cacheMaker(
  modelDir: string,
  runtime: Runtime,
  { spatialTiles: _, availableMemoryBytes = Infinity, plan: __, ...compileOptions }: ModelOptions,
): Promise<(place?: Place) => ExecutableCache> {
  const weights = compileOptions.device.kind === "cpu"
    ? placeOfWeights(await float32Bytes(modelDir), availableMemoryBytes)
    : "resident";
  return (place) => {
    return new ExecutableCache(runtime, { ...compileOptions, weights, stay: stayOf(place), nodesOnCpu: "refused" });
  };
}

const stayOf = (place?: Place) => place === "loaded" ? "while used" : "always";

/**
 * `resident` graphs run fastest: weights are turned into float32 and packed once. Where they are more than half of what is
 * available, weights stay `mapped` pages of their files: ready at once, in memory only as far as they are in use, and
 * converted anew in every run.
 */
export function placeOfWeights(float32Bytes: number, availableBytes: number): CompileOptions["weights"] {
  return float32Bytes <= availableBytes / 2 ? "resident" : "mapped";
}

/**
 * The manifest's map; without one HunyuanVideo's, where the autoencoder has its widths, as in the published models. Null,
 * and no previews, for any other autoencoder.
 */
export function latentRgbOf(
  { latentRgb }: Pick<Manifest, "latentRgb">,
  { blockChannels }: Pick<VaeConfig, "blockChannels">,
): LatentRgbMap | null {
  const isHunyuanVideo = blockChannels.join() === "128,256,512,512";
  return latentRgb ?? (isHunyuanVideo ? hunyuanVideoRgb : null);
}

/** Of all parts, in whatever they are stored. */
export async function float32Bytes(modelDir: string): Promise<number> {
  const parts = partNames.filter((part) => modelParts[part].weights);
  const checkpoints = await Promise.all(parts.map((part) => openCheckpoint(join(modelDir, part))));
  const numbersIn = (checkpoint: Checkpoint) =>
    checkpoint.names().reduce((sum, name) => sum + numbersOf(checkpoint, name), 0);
  return elementBytes.float32 * checkpoints.reduce((sum, checkpoint) => sum + numbersIn(checkpoint), 0);
}

/** None for a tensor in a format that is not read; no graph has it. */
function numbersOf(checkpoint: Checkpoint, name: string): number {
  try {
    return elementCount(checkpoint.get(name).shape);
  } catch (error) {
    if (error instanceof CheckpointError) return 0;
    throw error;
  }
}

async function* warm(
  { manifest, transformer, vae, textEncoder, imageEncoder }: Pick<
    FramePackModel,
    "manifest" | "transformer" | "vae" | "textEncoder" | "imageEncoder"
  >,
  signal: AbortSignal,
): AsyncGenerator<GenerationEvent> {
  const { widthPx, heightPx } = offeredSizes(manifest)[0]!;
  const size = { height: heightPx / 8, width: widthPx / 8 };
  const parts: [string, () => Promise<unknown>][] = [
    ["text encoders", () => textEncoder.warm()],
    ["image encoder", () => imageEncoder.warm()],
    ["video transformer", () =>
      transformer.warm({
        window: [manifest.latentWindowFrames, size.height, size.width],
        history: { "1x": 1 + historyGroups.clean1x, "2x": historyGroups.clean2x, "4x": historyGroups.clean4x },
      })],
    ["picture decoder", () => vae.warm(size)],
  ];
  for (const [index, [part, compile]] of parts.entries()) {
    signal.throwIfAborted();
    yield { kind: "loading", part, done: index, of: parts.length };
    await compile();
  }
}
