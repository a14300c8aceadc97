/**
 * What can be said of a model's weights from their headers alone, before anything is loaded.
 * @module
 */
import { join } from "node:path";
import { CheckpointError } from "./errors.ts";
import { readJsonObject } from "./json_file.ts";
import { modelParts, type PartName } from "./model_parts.ts";
import { type Checkpoint, openCheckpoint } from "./onnx/safetensors.ts";

export interface WeightsReport {
  readonly tensors: number;
  /** Element types in use, sorted: `bfloat16`. */
  readonly dtypes: readonly string[];
  /** Why the engine cannot run them as they are stored; null when it can. */
  readonly refusal: string | null;
}

/**
 * Opens the weights of one part of a model folder.
 * @throws `CheckpointError` when they are damaged, incomplete or not those of FramePack
 */
export async function inspectWeights(modelDir: string, part: PartName): Promise<WeightsReport | null> {
  if (!modelParts[part].weights) return null;
  const folder = join(modelDir, part);
  const checkpoint = await openCheckpoint(folder);
  if (part === "transformer") requireFramePack(checkpoint, await readJsonObject(join(folder, "config.json")), folder);
  const dtypes = new Set<string>();
  let refusal: string | null = null;
  for (const name of checkpoint.names()) {
    try {
      dtypes.add(checkpoint.get(name).dtype);
    } catch (error) {
      if (!(error instanceof CheckpointError)) throw error;
      refusal ??= error.message;
    }
  }
  return { tensors: checkpoint.names().length, dtypes: [...dtypes].sort(), refusal };
}

/** One tensor of each part that tells FramePack's class from its relatives, and of the last block of both kinds. */
function requireFramePack(checkpoint: Checkpoint, config: Record<string, unknown>, folder: string): void {
  const lastOf = (key: string) => Number(config[key]) - 1;
  const telling = [
    "x_embedder.proj.weight",
    "clean_x_embedder.proj_4x.weight",
    "image_projection.up.weight",
    `transformer_blocks.${lastOf("num_layers")}.attn.to_q.weight`,
    `single_transformer_blocks.${lastOf("num_single_layers")}.attn.to_q.weight`,
  ];
  const missing = telling.find((name) => !checkpoint.has(name));
  if (missing) throw new CheckpointError(`"${folder}" holds no FramePack transformer: it has no tensor "${missing}"`);
}
