/**
 * The golden cases' models as real folders in the Hugging Face layout. Git holds everything but the weights: those follow
 * from the tensors' names, so a weight file is made from its header.
 * @module
 */
import { createHash } from "node:crypto";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { bfloat16OfFloat32, elementCount, float16OfFloat32 } from "../src/engine/onnx/tensor.ts";

/** The test suite's own golden cases: `cases/`, and `models/` without weights. */
export const goldenDir: string = fileURLToPath(new URL("golden", import.meta.url));

/** `tiny-a` has every part, `tiny-h128` a transformer with the real head size in bfloat16. */
export type TinyModelName = "tiny-a" | "tiny-h128";

/** A model folder that goes away with its owner. */
export interface TinyModel extends AsyncDisposable {
  readonly dir: string;
}

/** Makes one model in a new temporary folder. */
export async function makeTinyModel(name: TinyModelName): Promise<TinyModel> {
  const dir = await Deno.makeTempDir({ prefix: `framecast-${name}-` });
  await writeTinyModel(name, dir);
  return { dir, [Symbol.asyncDispose]: () => Deno.remove(dir, { recursive: true }) };
}

/** Writes one model into a folder. Throws when a weight file is not the one the golden cases were recorded with. */
export async function writeTinyModel(name: TinyModelName, dir: string): Promise<void> {
  const source = join(goldenDir, "models", name);
  const { seedPrefix, sha256 }: Recipe = JSON.parse(await Deno.readTextFile(join(source, "weights.json")));
  for await (const path of filesBelow(source)) {
    const part = relative(source, path);
    if (part === "weights.json") continue;
    await Deno.mkdir(join(dir, dirname(part)), { recursive: true });
    if (!part.endsWith(".header")) {
      await Deno.copyFile(path, join(dir, part));
      continue;
    }
    const file = part.slice(0, -".header".length);
    const bytes = weightFile(await Deno.readFile(path), seedPrefix);
    const hash = createHash("sha256").update(bytes).digest("hex");
    if (hash !== sha256[file]) throw new Error(`Cannot make ${name}: ${file} differs from the recorded one`);
    await Deno.writeFile(join(dir, file), bytes);
  }
}

/**
 * The numbers of a tensor: xorshift32 seeded with FNV-1a of its name gives u in [-1, 1); matrices are u · √(3 / inputs),
 * norm weights 1 + 0.1 u, biases 0.05 u.
 */
export function tinyWeights(name: string, shape: readonly number[], seedPrefix = ""): Float32Array {
  const next = uniform(seedPrefix + name);
  const values = new Float32Array(elementCount(shape));
  const [scale, offset] = shape.length >= 2
    ? [Math.sqrt(3 / elementCount(shape.slice(1))), 0]
    : name.endsWith("weight")
    ? [0.1, 1]
    : [0.05, 0];
  for (let i = 0; i < values.length; i++) values[i] = offset + scale * next();
  return values;
}

/** Numbers in [-1, 1) that follow from a name: the one generator of tiny weights and inputs. */
export function uniform(name: string): () => number {
  let state = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(name)) state = Math.imul(state ^ byte, 0x01000193);
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) * 2 ** -31 - 1;
  };
}

interface Recipe {
  readonly seedPrefix: string;
  readonly sha256: Readonly<Record<string, string>>;
}

interface HeaderEntry {
  readonly dtype: "F32" | "F16" | "BF16";
  readonly shape: readonly number[];
  readonly "data_offsets": readonly [number, number];
}

/** A safetensors file: the header's length, the header, the tensors at the header's offsets. */
function weightFile(header: Uint8Array, seedPrefix: string): Uint8Array {
  const entries = Object.entries<HeaderEntry>(JSON.parse(new TextDecoder().decode(header)))
    .filter(([name]) => name !== "__metadata__");
  const dataStart = 8 + header.length;
  const dataBytes = Math.max(...entries.map(([, entry]) => entry["data_offsets"][1]));
  const file = new Uint8Array(dataStart + dataBytes);
  new DataView(file.buffer).setBigUint64(0, BigInt(header.length), true);
  file.set(header, 8);
  for (const [name, { dtype, shape, data_offsets: [start] }] of entries) {
    const stored = encoders[dtype](tinyWeights(name, shape, seedPrefix));
    file.set(new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength), dataStart + start);
  }
  return file;
}

const encoders = {
  F32: (values: Float32Array) => values,
  F16: float16OfFloat32,
  BF16: bfloat16OfFloat32,
};

async function* filesBelow(dir: string): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(dir)) {
    if (isDirectory) yield* filesBelow(join(dir, name));
    else yield join(dir, name);
  }
}
