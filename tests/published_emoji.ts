/**
 * The embedded model as if it were published the way FramePack is: three repositories, the transformer in shards, and much
 * beside it that nobody needs.
 * @module
 */
import { cp, readdir, readFile, rm } from "node:fs/promises";
import { join, relative } from "node:path";
import { emojiDir } from "./emoji.ts";
import type { DoubleRepo } from "./hub_double.ts";
import { splitIntoShards } from "./shards.ts";

export const transformerRepo = "lllyasviel/FramePackI2V_HY";
export const hunyuanVideoRepo = "hunyuanvideo-community/HunyuanVideo";
export const fluxReduxRepo = "lllyasviel/flux_redux_bfl";
/** A stranger's repack of the transformer in one file. */
export const repackRepo = "Kijai/HunyuanVideo_comfy";
export const repackFile = "FramePackI2V_HY_bf16.safetensors";

/** Every file that the model needs, as `OWNER/NAME/PATH`. */
export const neededFiles: readonly string[] = [
  ...["config.json", "diffusion_pytorch_model.safetensors.index.json"].map((file) => `${transformerRepo}/${file}`),
  ...[1, 2].map((n) => `${transformerRepo}/diffusion_pytorch_model-0000${n}-of-00002.safetensors`),
  ...["vae/config.json", "vae/diffusion_pytorch_model.safetensors"].map((file) => `${hunyuanVideoRepo}/${file}`),
  ...["text_encoder", "text_encoder_2"].flatMap((part) =>
    ["config.json", "model.safetensors"].map((file) => `${hunyuanVideoRepo}/${part}/${file}`)
  ),
  ...["tokenizer/tokenizer.json", "tokenizer/tokenizer_config.json"].map((file) => `${hunyuanVideoRepo}/${file}`),
  ...["tokenizer_config.json", "vocab.json", "merges.txt"].map((file) => `${hunyuanVideoRepo}/tokenizer_2/${file}`),
  ...["image_encoder/config.json", "image_encoder/model.safetensors"].map((file) => `${fluxReduxRepo}/${file}`),
  `${fluxReduxRepo}/feature_extractor/preprocessor_config.json`,
].toSorted();

type Files = Record<string, Uint8Array<ArrayBuffer>>;
export type Repos = Record<string, DoubleRepo>;

export async function publishedEmoji(): Promise<Repos> {
  const other = { ".gitattributes": bytesOf("*.safetensors lfs"), "README.md": bytesOf("# A model") };
  const shards = await inShards(join(emojiDir, "transformer"));
  const whole = await filesBelow(join(emojiDir, "transformer"));
  const parts = ["vae", "text_encoder", "tokenizer", "text_encoder_2", "tokenizer_2"];
  const unused = bytesOf("Nobody reads this");
  return {
    [transformerRepo]: { files: { ...other, ...shards, "diffusion_pytorch_model.fp16.safetensors": unused } },
    [hunyuanVideoRepo]: {
      files: { ...other, ...await inFolders(parts), "transformer/diffusion_pytorch_model.safetensors": unused },
    },
    [fluxReduxRepo]: {
      files: {
        ...other,
        ...await inFolders(["image_encoder", "feature_extractor"]),
        "image_embedder/diffusion_pytorch_model.safetensors": unused,
      },
    },
    [repackRepo]: {
      files: {
        ...other,
        [repackFile]: whole["diffusion_pytorch_model.safetensors"]!,
        "hunyuan_video_vae_bf16.safetensors": unused,
      },
    },
  };
}

async function inFolders(folders: readonly string[]): Promise<Files> {
  const files: Files = {};
  for (const folder of folders) {
    for (const [path, bytes] of Object.entries(await filesBelow(join(emojiDir, folder)))) {
      files[`${folder}/${path}`] = bytes;
    }
  }
  return files;
}

async function inShards(folder: string): Promise<Files> {
  const copy = await Deno.makeTempDir({ prefix: "framecast-shards-" });
  try {
    await cp(folder, copy, { recursive: true });
    await splitIntoShards(copy);
    return await filesBelow(copy);
  } finally {
    await rm(copy, { recursive: true });
  }
}

async function filesBelow(folder: string): Promise<Files> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return Object.fromEntries(
    await Promise.all(
      paths.map(async (path) => [relative(folder, path), new Uint8Array(await readFile(path))] as const),
    ),
  );
}

function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}
