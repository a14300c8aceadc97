/**
 * Weights in several files, as large models are published.
 * @module
 */
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { openCheckpoint, writeSafetensors } from "../src/engine/onnx/safetensors.ts";

/** Turns the one weight file of a folder into two shards and their index. */
export async function splitIntoShards(folder: string): Promise<readonly [first: string, second: string]> {
  const name = "diffusion_pytorch_model";
  const checkpoint = await openCheckpoint(join(folder, `${name}.safetensors`));
  const names = checkpoint.names();
  const weightMap: Record<string, string> = {};
  const files: string[] = [];
  for (const [k, part] of [names.slice(0, names.length / 2), names.slice(names.length / 2)].entries()) {
    const shard = `${name}-0000${k + 1}-of-00002.safetensors`;
    const tensors: Parameters<typeof writeSafetensors>[1] = Object.fromEntries(
      await Promise.all(part.map(async (tensor) => {
        const { shape } = checkpoint.get(tensor);
        return [tensor, { dtype: "float32", shape, data: await checkpoint.readFloat32(tensor) }] as const;
      })),
    );
    for (const tensor of part) weightMap[tensor] = shard;
    files.push(join(folder, shard));
    await writeSafetensors(files[k]!, tensors);
  }
  await writeFile(join(folder, `${name}.safetensors.index.json`), JSON.stringify({ weight_map: weightMap }));
  await rm(join(folder, `${name}.safetensors`));
  return files as [string, string];
}
