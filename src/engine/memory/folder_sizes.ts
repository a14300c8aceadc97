/** @module */
import { join } from "node:path";
import { openCheckpoint } from "../onnx/safetensors.ts";
import { type ModelSizes, modelSizes } from "./model_sizes.ts";

/**
 * Sizes of a model folder out of the headers of all its weight files.
 * @throws CheckpointError naming the file that is missing, damaged or incomplete
 */
export async function readModelSizes(modelDir: string): Promise<ModelSizes> {
  const [transformer, vae, llama, clip, siglip] = await Promise.all([
    openCheckpoint(join(modelDir, "transformer")),
    openCheckpoint(join(modelDir, "vae")),
    openCheckpoint(join(modelDir, "text_encoder")),
    openCheckpoint(join(modelDir, "text_encoder_2")),
    openCheckpoint(join(modelDir, "image_encoder")),
  ]);
  return modelSizes({ transformer, vae, llama, clip, siglip });
}
