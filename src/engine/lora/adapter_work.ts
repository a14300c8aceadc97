/** @module */
import { join } from "node:path";
import { readConfig } from "../json_file.ts";
import { type AdapterWork, inPages } from "../memory/mod.ts";
import { parseTransformerConfig } from "../networks/transformer_config.ts";
import { openCheckpoint } from "../onnx/safetensors.ts";
import { sidesOf } from "../streaming/known_blocks.ts";
import type { LoraFile } from "./adapter_file.ts";
import { placeLoras } from "./merge.ts";
import { adaptersBeside, sideMatrices } from "./side_adapters.ts";

/**
 * What a set of files will take of a GPU beside a model, from headers alone.
 * @throws RequestError naming the file that does not fit the model
 */
export async function adapterWork(modelDir: string, loras: readonly LoraFile[] = []): Promise<AdapterWork> {
  if (loras.length === 0) return { isMerged: false, sideBytes: 0 };
  const folder = join(modelDir, "transformer");
  const [config, checkpoint] = await Promise.all([
    readConfig(join(folder, "config.json"), parseTransformerConfig),
    openCheckpoint(folder),
  ]);
  const adapters = await placeLoras(checkpoint, loras);
  const beside = adaptersBeside(config, adapters);
  const sides = sidesOf({ config, checkpoint, computeDType: "bfloat16", sides: sideMatrices(beside) });
  const sideBytes = sides.reduce((sum, { layout }) => sum + inPages(layout.sizeBytes), 0);
  return { isMerged: beside.size < adapters.length, sideBytes };
}
