/**
 * A transformer of the published size as files that take no room: right headers over holes.
 * @module
 */
import { headerBytes, writeAll } from "../src/engine/onnx/safetensors_header.ts";
import { type DType, elementBytes, elementCount } from "../src/engine/onnx/tensor.ts";
import { packedTransformerShapes, publishedTransformer } from "./published_transformer.ts";

const storedAs = "bfloat16";

/**
 * Writes `folder/transformer`: configuration, index and shards as Hugging Face cuts them.
 * @returns bytes that the shards claim
 */
export async function writeSparseTransformer(folder: string, shards: number): Promise<number> {
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeTextFile(`${folder}/config.json`, JSON.stringify(publishedTransformer));
  const tensors = Object.entries(packedTransformerShapes());
  const total = tensors.reduce((sum, [, shape]) => sum + sizeBytes(shape), 0);
  const parts: (typeof tensors)[] = Array.from({ length: shards }, () => []);
  let written = 0;
  for (const tensor of tensors) {
    parts[Math.min(shards - 1, Math.floor(written / total * shards))]!.push(tensor);
    written += sizeBytes(tensor[1]);
  }
  const fileOf = (shard: number) =>
    `diffusion_pytorch_model-${String(shard + 1).padStart(5, "0")}-of-${String(shards).padStart(5, "0")}.safetensors`;
  const weightMap = Object.fromEntries(
    parts.flatMap((part, shard) => part.map(([name]) => [name, fileOf(shard)])),
  );
  await Deno.writeTextFile(
    `${folder}/diffusion_pytorch_model.safetensors.index.json`,
    JSON.stringify({ metadata: { total_size: total }, weight_map: weightMap }),
  );
  for (const [shard, part] of parts.entries()) {
    const hollow = part.map(([name, shape]) => ({ name, dtype: storedAs, shape } as const));
    await writeHollow(`${folder}/${fileOf(shard)}`, hollow);
  }
  return total;
}

/** What a header says of a tensor. */
export interface HollowTensor {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
}

/** Writes a `.safetensors` file whose numbers are a hole of the right size. */
export async function writeHollow(path: string, tensors: readonly HollowTensor[]): Promise<void> {
  const header = headerBytes(tensors);
  const dataBytes = tensors.reduce((sum, { dtype, shape }) => sum + elementCount(shape) * elementBytes[dtype], 0);
  using file = await Deno.create(path);
  await writeAll(file, header);
  await file.truncate(header.length + dataBytes);
}

const sizeBytes = (shape: readonly number[]) => elementCount(shape) * elementBytes[storedAs];
