/**
 * Weights where they lie: a `.safetensors` file or a Hugging Face folder of shards. Only headers are read; a weight is a
 * place in a file until somebody maps it.
 * @module
 */
import { basename, dirname, join } from "node:path";
import { CheckpointError } from "../errors.ts";
import { hasFloat8NaN } from "./float8.ts";
import { float8NaNError, readWeightScales } from "./float8_weights.ts";
import { blockScalesName, float32OfInt4, int4ScalesIn } from "./int4.ts";
import { nearestNames } from "./nearest_names.ts";
import {
  type Entry,
  fill,
  formatNames,
  type Header,
  headerBytes,
  isRecord,
  openForReading,
  parseJson,
  readHeader,
  reasonOf,
} from "./safetensors_header.ts";
import { arrayOfBytes, type DType, elementBytes, elementCount, float32Of, type Tensor } from "./tensor.ts";

/** How a weight's numbers are stored: as a tensor's, or in 4 bits (`int4.ts`). */
export type WeightDType = DType | "int4";

export const bytesPerNumber: { readonly [D in WeightDType]: number } = { ...elementBytes, int4: 0.5 };

/** One tensor of a checkpoint. */
export interface Weight {
  readonly name: string;
  readonly dtype: WeightDType;
  /** Of its numbers, however many bytes they take. */
  readonly shape: readonly number[];
  readonly source: WeightSource;
  /** What every stored number is to be multiplied by; absent where they are the weight's own. Only 8-bit weights have one. */
  readonly scale?: number;
  /** What each block of numbers is to be multiplied by: bfloat16 [rows, blocks]. Only 4-bit weights have them. */
  readonly blockScales?: Weight;
}

/** Little-endian, row-major: a place in a file (its real path), or bytes made by the program. */
export type WeightSource =
  | { readonly file: string; readonly offsetBytes: number; readonly lengthBytes: number }
  | { readonly bytes: Uint8Array };

/** Which file a weight lies in, as a part of a sentence. */
export const placeOf = ({ source }: Weight): string => "file" in source ? ` of ${source.file}` : "";

/** Tensors by name. A scale is a part of the weight that it belongs to and has no name here. */
export interface Checkpoint {
  /** @throws CheckpointError when there is no such tensor, or it is stored in a format that is not read here */
  get(name: string): Weight;
  has(name: string): boolean;
  names(): string[];
  /** The numbers of a floating-point tensor, its scale multiplied in. @throws CheckpointError for an 8-bit NaN */
  readFloat32(name: string): Promise<Float32Array>;
  /** Free text a file carries; of a sharded checkpoint that of all its files. */
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * Opens a `.safetensors` file, an index (`*.safetensors.index.json`), or a folder that holds one of either.
 * @throws CheckpointError naming the file and the tensor of the first thing that is wrong
 */
export async function openCheckpoint(path: string): Promise<Checkpoint> {
  const info = await Deno.stat(path).catch((cause) => {
    throw new CheckpointError(`Cannot open checkpoint ${path}: ${reasonOf(cause)}`, { cause });
  });
  const file = info.isDirectory ? join(path, await chooseFile(path)) : path;
  return file.endsWith(".index.json") ? await openShards(file) : await openFile(file);
}

/** The same checkpoint with some tensors replaced by float32 numbers. Names and shapes must be those of the base. */
export function withWeights(
  base: Checkpoint,
  replaced: ReadonlyMap<string, { readonly shape: readonly number[]; readonly data: Float32Array }>,
): Checkpoint {
  for (const [name, { shape, data }] of replaced) {
    const old = base.get(name);
    if (`${old.shape}` !== `${shape}` || data.length !== elementCount(shape)) {
      throw new CheckpointError(
        `Cannot replace "${name}": its shape is [${old.shape}], got ${data.length} numbers as [${shape}]`,
      );
    }
  }
  const replacedWeight = (name: string): Weight | undefined => {
    const weight = replaced.get(name);
    if (!weight) return undefined;
    const { buffer, byteOffset, byteLength } = weight.data;
    return {
      name,
      dtype: "float32",
      shape: weight.shape,
      source: { bytes: new Uint8Array(buffer, byteOffset, byteLength) },
    };
  };
  return {
    get: (name) => replacedWeight(name) ?? base.get(name),
    has: (name) => base.has(name),
    names: () => base.names(),
    readFloat32: async (name) => replaced.get(name)?.data ?? await base.readFloat32(name),
    metadata: base.metadata,
  };
}

/** Writes one file. Tensors lie in the order given, the header padded to 8 bytes. */
export async function writeSafetensors(
  file: string,
  tensors: Readonly<Record<string, Tensor>>,
  metadata?: Readonly<Record<string, string>>,
): Promise<void> {
  const header = headerBytes(Object.entries(tensors).map(([name, tensor]) => ({ name, ...tensor })), metadata);
  const dataBytes = Object.values(tensors).reduce((sum, { data }) => sum + data.byteLength, 0);
  const bytes = new Uint8Array(header.length + dataBytes);
  bytes.set(header);
  let at = header.length;
  for (const { data } of Object.values(tensors)) {
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    at += data.byteLength;
  }
  await Deno.writeFile(file, bytes);
}

async function checkpointOf(
  where: string,
  allEntries: ReadonlyMap<string, Entry>,
  metadata: Readonly<Record<string, string>>,
): Promise<Checkpoint> {
  const scales = await readWeightScales(allEntries);
  const blockScales = int4ScalesIn(allEntries);
  const ofBlocks = new Set([...blockScales.keys()].map(blockScalesName));
  const entries = new Map([...allEntries].filter(([name]) => !scales.names.has(name) && !ofBlocks.has(name)));
  const get = (name: string): Weight => {
    const entry = entries.get(name);
    if (!entry) {
      const nearest = nearestNames(name, entries.keys()).map((near) => `"${near}"`).join(", ");
      throw new CheckpointError(`Checkpoint ${where} has no tensor "${name}"; nearest: ${nearest || "it is empty"}`);
    }
    const { formatDType, shape, file, offsetBytes, lengthBytes } = entry;
    const source = { file, offsetBytes, lengthBytes };
    const own = blockScales.get(name);
    if (own) return int4Weight(name, shape, source, own);
    const dtype = (Object.keys(formatNames) as DType[]).find((dtype) => formatNames[dtype] === formatDType);
    if (!dtype) {
      const hint = formatDType.startsWith("F8_") ? `; of 8-bit formats only ${formatNames.float8e4m3fn} is read` : "";
      throw new CheckpointError(`Cannot use "${name}" of ${file}: it is stored as ${formatDType}${hint}`);
    }
    const scale = scales.ofWeight.get(name);
    return {
      name,
      dtype,
      shape,
      source,
      ...(scale === undefined ? {} : { scale }),
    };
  };
  return {
    get,
    has: (name) => entries.has(name),
    names: () => [...entries.keys()],
    readFloat32: (name) => readWeightNumbers(get(name)),
    metadata,
  };
}

function int4Weight(name: string, [rows, bytes]: readonly number[], source: WeightSource, scales: Entry): Weight {
  const { shape, ...place } = scales;
  return {
    ...{ name, dtype: "int4", shape: [rows!, 2 * bytes!], source },
    blockScales: { name: blockScalesName(name), dtype: "bfloat16", shape, source: place },
  };
}

/** A weight's numbers in float32, scales multiplied in. @throws CheckpointError for an 8-bit NaN */
export async function readWeightNumbers(weight: Weight): Promise<Float32Array> {
  const bytes = await weightBytes(weight);
  return weight.blockScales
    ? float32OfInt4(bytes, arrayOfBytes("bfloat16", await weightBytes(weight.blockScales)))
    : numbersOf(weight, bytes);
}

async function weightBytes(weight: Weight): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(elementCount(weight.shape) * bytesPerNumber[weight.dtype]);
  await readWeightBytes(weight, bytes);
  return bytes;
}

/** The numbers that a weight's bytes stand for. */
function numbersOf({ name, dtype, shape, source, scale = 1 }: Weight, bytes: Uint8Array): Float32Array {
  if (dtype === "int4") throw new TypeError(`Cannot read "${name}" without its blocks' scales`);
  if (dtype === "float8e4m3fn" && "file" in source && hasFloat8NaN(bytes)) throw float8NaNError(name, source.file);
  const numbers = float32Of({ dtype, shape, data: arrayOfBytes(dtype, bytes) });
  return scale === 1 ? numbers : numbers.map((value) => value * scale);
}

/** The bytes of a weight as they are stored, written over `into`, which has as many. @throws CheckpointError */
export async function readWeightBytes(
  { name, source }: Pick<Weight, "name" | "source">,
  into: Uint8Array<ArrayBuffer>,
): Promise<void> {
  const lengthBytes = "bytes" in source ? source.bytes.length : source.lengthBytes;
  if (lengthBytes !== into.length) {
    throw new CheckpointError(`Cannot read "${name}": it has ${lengthBytes} bytes, expected ${into.length}`);
  }
  if ("bytes" in source) return into.set(source.bytes);
  using handle = await openForReading(source.file);
  await handle.seek(source.offsetBytes, Deno.SeekMode.Start);
  const read = await fill(handle, into);
  if (read < lengthBytes) throw new CheckpointError(`${source.file} ends inside tensor "${name}"`);
}

/**
 * Some rows of a matrix, one below the other, in float32: what an embedding looks up, without the rest of it.
 * @throws CheckpointError; RangeError for a row that is not there
 */
export async function readWeightRows(weight: Weight, rows: readonly number[]): Promise<Float32Array> {
  const { name, dtype, shape: [count, width], source } = weight as Weight & { shape: [number, number] };
  const rowBytes = width * bytesPerNumber[dtype];
  const wrong = rows.find((row) => !(row >= 0 && row < count));
  if (wrong !== undefined) throw new RangeError(`Cannot read row ${wrong} of "${name}": it has ${count}`);
  const bytes = new Uint8Array(rows.length * rowBytes);
  const places = rows.map((row, index) => ({ row, into: bytes.subarray(index * rowBytes, (index + 1) * rowBytes) }));
  if ("bytes" in source) {
    for (const { row, into } of places) into.set(source.bytes.subarray(row * rowBytes, (row + 1) * rowBytes));
  } else {
    using handle = await openForReading(source.file);
    for (const { row, into } of places) {
      await handle.seek(source.offsetBytes + row * rowBytes, Deno.SeekMode.Start);
      if (await fill(handle, into) < rowBytes) throw new CheckpointError(`${source.file} ends inside tensor "${name}"`);
    }
  }
  return numbersOf({ ...weight, shape: [rows.length, width] }, bytes);
}

/** The one file of a folder to open: an index before whole files, the plain name before variants (`model.fp16…`). */
async function chooseFile(folder: string): Promise<string> {
  const names: string[] = [];
  for await (const { name } of Deno.readDir(folder)) names.push(name);
  for (const suffix of [".safetensors.index.json", ".safetensors"]) {
    const found = names.filter((name) => name.endsWith(suffix)).sort();
    const plain = found.filter((name) => plainNames.includes(name.slice(0, -suffix.length)));
    if (found.length === 1) return found[0]!;
    if (plain.length === 1) return plain[0]!;
    if (found.length > 1) {
      throw new CheckpointError(`Cannot choose a checkpoint in ${folder}: it has ${found.join(", ")}`);
    }
  }
  throw new CheckpointError(`Cannot open checkpoint ${folder}: it has no *.safetensors file`);
}
const plainNames = ["diffusion_pytorch_model", "model"];

async function openFile(path: string): Promise<Checkpoint> {
  const file = await realPath(path);
  const { entries, metadata } = await readHeader(file);
  return await checkpointOf(file, entries, metadata);
}

async function openShards(indexFile: string): Promise<Checkpoint> {
  const weightMap = await readWeightMap(indexFile);
  const shards = new Map<string, Header>();
  for (const shard of new Set(Object.values(weightMap))) {
    if (basename(shard) !== shard) {
      throw new CheckpointError(`${indexFile} names a shard outside its folder: "${shard}"`);
    }
    const path = await realPath(join(dirname(indexFile), shard)).catch((cause) => {
      throw new CheckpointError(`${indexFile} names the shard "${shard}", which cannot be opened: ${reasonOf(cause)}`);
    });
    shards.set(shard, await readHeader(path));
  }
  const entries = Object.entries(weightMap).map(([name, shard]): [string, Entry] => {
    const entry = shards.get(shard)!.entries.get(name);
    if (!entry) throw new CheckpointError(`${indexFile} places "${name}" in "${shard}", which does not hold it`);
    return [name, entry];
  });
  const metadata = Object.assign({}, ...[...shards.values()].map((shard) => shard.metadata));
  return await checkpointOf(dirname(indexFile), new Map(entries), metadata);
}

async function readWeightMap(indexFile: string): Promise<Record<string, string>> {
  const { weight_map: map } = parseJson(await Deno.readTextFile(indexFile), indexFile) as { weight_map?: unknown };
  if (!isRecord(map) || !Object.values(map).every((shard) => typeof shard === "string")) {
    throw new CheckpointError(`${indexFile} has no "weight_map" from tensor names to file names`);
  }
  return map as Record<string, string>;
}

/** Symbolic links resolved: ONNX Runtime opens the file a Hugging Face cache link points at. */
const realPath = (path: string) =>
  Deno.realPath(path).catch((cause) => {
    throw new CheckpointError(`Cannot open ${path}: ${reasonOf(cause)}`, { cause });
  });
