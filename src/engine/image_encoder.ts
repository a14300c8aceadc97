/**
 * Picture → the SigLIP states that the video transformer sees. FramePack 97fe5db, `hf_clip_vision_encode`.
 * @module
 */
import { join } from "node:path";
import type { RgbImage } from "../video.ts";
import { CheckpointError } from "./errors.ts";
import { readConfig } from "./json_file.ts";
import {
  type ImagePreprocessing,
  parseImagePreprocessing,
  parseSiglipConfig,
  type SiglipConfig,
} from "./networks/encoder_config.ts";
import { siglipStates } from "./networks/siglip.ts";
import type { ExecutableCache } from "./onnx/executable_cache.ts";
import { Graph } from "./onnx/graph.ts";
import { castTo, Module } from "./onnx/module.ts";
import type { Executable } from "./onnx/runtime.ts";
import { type Checkpoint, openCheckpoint } from "./onnx/safetensors.ts";
import { type DType, float32Tensor, type Tensor } from "./onnx/tensor.ts";
import { siglipPixels } from "./pixels.ts";

/** What its graph is built from, and how pictures are made ready for it. */
export interface SiglipSource {
  readonly config: SiglipConfig;
  readonly preprocessing: ImagePreprocessing;
  readonly checkpoint: Checkpoint;
  readonly computeDType: DType;
}

/** SigLIP's vision tower. */
export class ImageEncoder {
  constructor(readonly source: SiglipSource, readonly executables: ExecutableCache) {}

  /**
   * States of a picture, which is squeezed to a square first `[imageTokens, hidden]`.
   * @throws `InferenceError`; the signal's reason when stopped
   */
  async encode(image: RgbImage, signal: AbortSignal): Promise<Tensor<"float32">> {
    const pixels = siglipPixels(image, this.source.preprocessing);
    await using _use = this.executables.use();
    const { states } = await (await this.#executable()).run({ pixels }, signal);
    return float32Tensor(states!.shape, states!.data as Float32Array);
  }

  /** Compiles the graph. */
  async warm(): Promise<void> {
    await using _use = this.executables.use();
    await this.#executable();
  }

  #executable(): Promise<Executable> {
    return this.executables.get("image_encoder", () => siglipGraph(this.source));
  }
}

/**
 * Reads `image_encoder/` and `feature_extractor/` of a model folder.
 * @throws `CheckpointError`
 */
export async function loadImageEncoder(
  modelDir: string,
  executables: ExecutableCache,
  computeDType: DType = "float32",
): Promise<ImageEncoder> {
  const preprocessorPath = join(modelDir, "feature_extractor", "preprocessor_config.json");
  const [config, checkpoint, preprocessing] = await Promise.all([
    readConfig(join(modelDir, "image_encoder", "config.json"), parseSiglipConfig),
    openCheckpoint(join(modelDir, "image_encoder")),
    readConfig(preprocessorPath, parseImagePreprocessing),
  ]);
  const { widthPx, heightPx } = preprocessing;
  const side = config.imageSidePx;
  if (widthPx !== side || heightPx !== side) {
    const got = `it makes ${widthPx} × ${heightPx} px`;
    throw new CheckpointError(`Cannot use "${preprocessorPath}": ${got}, the image encoder wants ${side} × ${side}`);
  }
  return new ImageEncoder({ config, checkpoint, preprocessing, computeDType }, executables);
}

/** `pixels` [3, side, side] → `states` [imageTokens, hidden] */
function siglipGraph({ config, checkpoint, computeDType }: SiglipSource): Uint8Array<ArrayBuffer> {
  const graph = new Graph("image_encoder", computeDType);
  const m = new Module(graph, checkpoint);
  const pixels = graph.input("pixels", [3, config.imageSidePx, config.imageSidePx], "float32");
  const states = siglipStates(m, config, castTo(m, pixels, computeDType));
  graph.output("states", castTo(m, states, "float32"));
  return graph.build();
}
