/**
 * Models of the published sizes with seeded random weights, made on the spot: for time and memory, which do not depend on
 * what the weights are, and for comparison with other programs on the same files.
 * @module
 */
import { decoder, encoder } from "../../src/engine/networks/vae.ts";
import { parseVaeConfig } from "../../src/engine/networks/vae_config.ts";
import { Graph, type Value } from "../../src/engine/onnx/graph.ts";
import { Module } from "../../src/engine/onnx/module.ts";
import type { Checkpoint } from "../../src/engine/onnx/safetensors.ts";
import { headerBytes, writeAll } from "../../src/engine/onnx/safetensors_header.ts";
import { bfloat16OfFloat32, float16OfFloat32 } from "../../src/engine/onnx/tensor.ts";
import { packedTransformerShapes, publishedTransformer } from "../published_transformer.ts";

export type Shapes = Readonly<Record<string, readonly number[]>>;

/** Blocks of the transformer; the published one has 20 and 40. */
export interface BlockCounts {
  readonly dual: number;
  readonly single: number;
}

/** Where the published transformer's three files are cut, roughly: after so much of their bytes. */
const shards = 3;

/** `folder/transformer`: configuration, index and files; blocks straddle files as in the published one. */
export async function writeRandomTransformer(folder: string, { dual, single }: BlockCounts): Promise<void> {
  const config = { ...publishedTransformer, "num_layers": dual, "num_single_layers": single };
  const isThere = (name: string) => {
    const [, kind, index] = /^(single_)?transformer_blocks\.(\d+)\./.exec(name) ?? [];
    return index === undefined || Number(index) < (kind ? single : dual);
  };
  const tensors = Object.entries(packedTransformerShapes()).filter(([name]) => isThere(name));
  const total = tensors.reduce((sum, [, shape]) => sum + count(shape), 0);
  const parts: [string, readonly number[]][][] = Array.from({ length: shards }, () => []);
  let before = 0;
  for (const tensor of tensors) {
    parts[Math.min(shards - 1, Math.floor(before / total * shards))]!.push(tensor);
    before += count(tensor[1]);
  }
  await Deno.mkdir(folder, { recursive: true });
  const fileOf = (shard: number) => `diffusion_pytorch_model-0000${shard + 1}-of-0000${shards}.safetensors`;
  const weightMap = Object.fromEntries(parts.flatMap((part, shard) => part.map(([name]) => [name, fileOf(shard)])));
  await Deno.writeTextFile(`${folder}/config.json`, JSON.stringify(config));
  await Deno.writeTextFile(
    `${folder}/diffusion_pytorch_model.safetensors.index.json`,
    JSON.stringify({ metadata: { "total_size": 2 * total }, "weight_map": weightMap }),
  );
  for (const [shard, part] of parts.entries()) {
    await writeRandomFile(`${folder}/${fileOf(shard)}`, Object.fromEntries(part), "bfloat16");
  }
}

/** `config.json` of hunyuanvideo-community/HunyuanVideo's autoencoder, as far as it shapes the networks. */
const publishedVae = {
  "_class_name": "AutoencoderKLHunyuanVideo",
  "in_channels": 3,
  "out_channels": 3,
  "latent_channels": 16,
  "block_out_channels": [128, 256, 512, 512],
  "layers_per_block": 2,
  "norm_num_groups": 32,
  "act_fn": "silu",
  "mid_block_add_attention": true,
  "spatial_compression_ratio": 8,
  "temporal_compression_ratio": 4,
  "scaling_factor": 0.476986,
};

/** `folder/vae` in float16. */
export async function writeRandomVae(folder: string): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeTextFile(`${folder}/config.json`, JSON.stringify(publishedVae));
  await writeRandomFile(`${folder}/diffusion_pytorch_model.safetensors`, vaeShapes(), "float16");
}

/** Names and shapes that the networks ask for while they are built. */
function vaeShapes(): Shapes {
  const shapes: Record<string, readonly number[]> = {};
  const config = parseVaeConfig(publishedVae);
  const graph = new Graph("shapes");
  const m = new AskingModule(graph, shapes);
  decoder(m, config, graph.input("latents", [2, 16, 8, 8]));
  encoder(m, config, graph.input("pixels", [5, 3, 64, 64]));
  return shapes;
}

/** A cursor that writes down what is asked for instead of finding it. */
class AskingModule extends Module {
  readonly #asked: Record<string, readonly number[]>;

  constructor(graph: Graph, asked: Record<string, readonly number[]>, path = "") {
    super(graph, nothing, path);
    this.#asked = asked;
  }

  override at(path: string): Module {
    return new AskingModule(this.graph, this.#asked, this.#below(path));
  }

  override has(): boolean {
    return true;
  }

  override storedWeight(name: string, shape: readonly number[]): Value {
    const full = this.#below(name);
    this.#asked[full] = shape;
    return this.graph.weight({ name: full, dtype: "float32", shape, source: { bytes: new Uint8Array() } });
  }

  #below(name: string): string {
    return this.path ? `${this.path}.${name}` : name;
  }
}

const nothing: Checkpoint = {
  get: (name) => {
    throw new Error(`"${name}" is not there`);
  },
  has: () => false,
  names: () => [],
  readFloat32: () => Promise.reject(new Error("no weight is there")),
  metadata: {},
};

/** One safetensors file. Matrices are uniform with a variance of 1 / inputs, norms 1, biases small. */
export async function writeRandomFile(path: string, shapes: Shapes, dtype: HalfPrecision): Promise<void> {
  using file = await Deno.create(path);
  await writeAll(file, headerBytes(Object.entries(shapes).map(([name, shape]) => ({ name, dtype, shape }))));
  for (const [name, shape] of Object.entries(shapes)) await writeTensor(file, name, shape, dtype);
}

type HalfPrecision = "bfloat16" | "float16";

async function writeTensor(file: Deno.FsFile, name: string, shape: readonly number[], dtype: HalfPrecision) {
  const isNorm = shape.length === 1 && name.endsWith("weight");
  const scale = shape.length > 1 ? Math.sqrt(3 / count(shape.slice(1))) : 0.05;
  const pool = isNorm ? poolOf("ones", 1, dtype) : poolOf("uniform", scale, dtype);
  let left = 2 * count(shape);
  // Another place of the pool for every tensor, so that no two are equal.
  let at = 2 * (hash(name) % (pool.length / 4));
  while (left > 0) {
    const piece = pool.subarray(at, Math.min(pool.length, at + left));
    await writeAll(file, piece);
    left -= piece.length;
    at = 0;
  }
}

const pools = new Map<string, Uint8Array>();

/** Numbers that are written again and again: drawing 13 billion takes longer than a benchmark may. */
function poolOf(kind: "ones" | "uniform", scale: number, dtype: HalfPrecision): Uint8Array {
  const key = `${kind} ${scale} ${dtype}`;
  const known = pools.get(key);
  if (known) return known;
  const numbers = kind === "ones" ? new Float32Array(2 ** 14).fill(1) : drawn().map((number) => number * scale);
  const halves = dtype === "bfloat16" ? bfloat16OfFloat32(numbers) : float16OfFloat32(numbers);
  const pool = new Uint8Array(halves.buffer, halves.byteOffset, halves.byteLength);
  pools.set(key, pool);
  return pool;
}

let uniform: Float32Array<ArrayBuffer> | undefined;

/** Uniform in [-1, 1) by xorshift32, always the same. */
function drawn(): Float32Array<ArrayBuffer> {
  if (uniform) return uniform;
  uniform = new Float32Array(2 ** 22);
  let state = 0x9e3779b9;
  for (let i = 0; i < uniform.length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    uniform[i] = (state >>> 0) * 2 ** -31 - 1;
  }
  return uniform;
}

/** FNV-1a. */
function hash(text: string): number {
  let state = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) state = Math.imul(state ^ byte, 0x01000193);
  return state >>> 0;
}

const count = (shape: readonly number[]) => shape.reduce((product, size) => product * size, 1);
