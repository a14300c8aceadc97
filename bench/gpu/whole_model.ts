/**
 * A whole model of the published sizes with random weights: every part that a video needs.
 * @module
 */
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { TensorList } from "../../src/engine/memory/mod.ts";
import { publishedModelTensors } from "../published_model.ts";
import { freeBytes } from "../../src/hub/disk.ts";
import { removePacked } from "./precisions.ts";
import { type Shapes, writeRandomFile } from "./random_model.ts";

/** Whose tokenizers read the prompt: what a token is called has no part in time and memory. */
const tokenizers = fileURLToPath(new URL("../../models/emoji", import.meta.url));

/** Of the encoders, as they are written here. */
const encoderBytes = 18e9;

/** What shapes the encoders' graphs, of the published `config.json` files. */
const configs: Readonly<Record<string, Record<string, unknown>>> = {
  "text_encoder": {
    ...{ "hidden_size": 4096, "intermediate_size": 14_336, "num_hidden_layers": 32, "num_attention_heads": 32 },
    ...{ "num_key_value_heads": 8, "vocab_size": 128_320, "rms_norm_eps": 1e-5, "rope_theta": 500_000 },
    "hidden_act": "silu",
  },
  "text_encoder_2": {
    ...{ "hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12 },
    ...{ "vocab_size": 49_408, "max_position_embeddings": 77, "layer_norm_eps": 1e-5, "hidden_act": "quick_gelu" },
    "eos_token_id": 2,
  },
  "image_encoder": {
    ...{ "hidden_size": 1152, "intermediate_size": 4304, "num_hidden_layers": 27, "num_attention_heads": 16 },
    ...{ "image_size": 384, "patch_size": 14, "layer_norm_eps": 1e-6, "hidden_act": "gelu_pytorch_tanh" },
  },
};

/**
 * Beside a random transformer and autoencoder in `folder`, which are linked, unless it is there.
 * @returns the model's folder
 */
export async function writeWholeModel(folder: string): Promise<string> {
  const model = join(resolve(folder), "job");
  const manifest = join(model, "framecast.json"); // written last
  if (await Deno.stat(manifest).then(() => true, () => false)) return model;
  if (await freeBytes(folder) < encoderBytes) await removePacked(folder);
  const { llama, clip, siglip } = publishedModelTensors();
  const encoders = { "text_encoder": llama, "text_encoder_2": clip, "image_encoder": siglip };
  await Deno.mkdir(model, { recursive: true });
  for (const [part, tensors] of Object.entries(encoders)) {
    await Deno.mkdir(join(model, part), { recursive: true });
    await Deno.writeTextFile(join(model, part, "config.json"), JSON.stringify(configs[part]));
    await writeRandomFile(
      join(model, part, "model.safetensors"),
      shapesOf(tensors),
      part === "image_encoder" ? "bfloat16" : "float16",
    );
  }
  for (const part of ["transformer", "vae"]) await link(join(resolve(folder), part), join(model, part));
  for (const part of ["tokenizer", "tokenizer_2"]) await link(join(tokenizers, part), join(model, part));
  const preprocessor = JSON.parse(
    await Deno.readTextFile(join(tokenizers, "feature_extractor", "preprocessor_config.json")),
  );
  await Deno.mkdir(join(model, "feature_extractor"), { recursive: true });
  await Deno.writeTextFile(
    join(model, "feature_extractor", "preprocessor_config.json"),
    JSON.stringify({ ...preprocessor, size: { height: 384, width: 384 } }),
  );
  const { prompt } = JSON.parse(await Deno.readTextFile(join(tokenizers, "framecast.json")));
  await Deno.writeTextFile(manifest, JSON.stringify({ name: "random", prompt }));
  return model;
}

const shapesOf = (tensors: TensorList): Shapes =>
  Object.fromEntries(tensors.names().map((name) => [name, tensors.get(name).shape]));

async function link(from: string, to: string): Promise<void> {
  await Deno.remove(to).catch(() => {});
  await Deno.symlink(from, to);
}
