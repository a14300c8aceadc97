/**
 * A tiny model and graphs of it on the CPU, for a whole file of tests.
 * @module
 */
import { ExecutableCache } from "../src/engine/onnx/executable_cache.ts";
import { writeSafetensors } from "../src/engine/onnx/safetensors.ts";
import type { Tensor } from "../src/engine/onnx/tensor.ts";
import { caseExecutables } from "../src/engine/parity/transformer_cases.ts";
import { makeTinyModel, type TinyModelName } from "./tiny_model.ts";

/** Both go after the file's last test. */
export async function tinyGraphs(
  name: TinyModelName,
): Promise<{ readonly dir: string; readonly executables: ExecutableCache }> {
  const model = await makeTinyModel(name);
  const executables = caseExecutables();
  Deno.test.afterAll(async () => {
    executables[Symbol.dispose]();
    await model[Symbol.asyncDispose]();
  });
  return { dir: model.dir, executables };
}

/** Writes files of weights and the index that says which weight lies where. */
export async function writeShards(folder: string, shards: readonly Readonly<Record<string, Tensor>>[]): Promise<void> {
  const weightMap: Record<string, string> = {};
  for (const [index, tensors] of shards.entries()) {
    const file = `part-${index}.safetensors`;
    for (const name of Object.keys(tensors)) weightMap[name] = file;
    await writeSafetensors(`${folder}/${file}`, tensors);
  }
  await Deno.writeTextFile(`${folder}/model.safetensors.index.json`, JSON.stringify({ "weight_map": weightMap }));
}
