/**
 * The header of a `.safetensors` file: read, and believed only when everything in it fits the file.
 *
 * Format: https://github.com/huggingface/safetensors#format (u64 header length, JSON header, data without holes).
 * @module
 */
import { CheckpointError } from "../errors.ts";
import { type DType, elementBytes, elementCount } from "./tensor.ts";

export interface Header {
  readonly entries: ReadonlyMap<string, Entry>;
  readonly metadata: Readonly<Record<string, string>>;
}

/** A tensor as its file's header describes it, checked. */
export interface Entry {
  readonly formatDType: string;
  readonly shape: readonly number[];
  readonly file: string;
  readonly offsetBytes: number;
  readonly lengthBytes: number;
}

/** The reference implementation reads no header above this either. */
const headerBytesMax = 100_000_000;

/** @throws CheckpointError naming the file and the tensor of the first thing that is wrong */
export async function readHeader(file: string): Promise<Header> {
  using handle = await openForReading(file);
  const fileBytes = (await handle.stat()).size;
  const prefix = await readUpTo(handle, 8);
  if (prefix.length < 8) throw new CheckpointError(`${file} is no safetensors file: it has ${fileBytes} bytes`);
  const claimedBytes = new DataView(prefix.buffer).getBigUint64(0, true);
  if (claimedBytes > Math.min(fileBytes - 8, headerBytesMax)) {
    throw new CheckpointError(
      `${file} is damaged: it claims a header of ${claimedBytes} bytes and has ${fileBytes} in all`,
    );
  }
  const headerBytes = Number(claimedBytes);
  const json = parseJson(new TextDecoder().decode(await readUpTo(handle, headerBytes)), `the header of ${file}`);
  const { __metadata__: metadata = {}, ...described } = json;
  const entries = Object.entries(described).map(([name, value]): [string, Entry] => [
    name,
    checkEntry(file, name, value, { start: 8 + headerBytes, end: fileBytes }),
  ]);
  checkLayout(file, entries, { start: 8 + headerBytes, end: fileBytes });
  return { entries: new Map(entries), metadata: metadata as Record<string, string> };
}

/** Half-open byte range of a file. */
interface ByteRange {
  readonly start: number;
  readonly end: number;
}

function checkEntry(file: string, name: string, value: unknown, data: ByteRange): Entry {
  const wrong = (why: string) => new CheckpointError(`${file} is damaged: tensor "${name}" ${why}`);
  if (!isRecord(value)) throw wrong("has no description");
  const { dtype, shape, data_offsets: offsets } = value;
  const itemBytes = formatBytes.get(dtype as string);
  if (!itemBytes) throw wrong(`has the unknown dtype ${JSON.stringify(dtype)}`);
  if (!isSizes(shape)) throw wrong(`has the shape ${JSON.stringify(shape)}`);
  if (!isSizes(offsets) || offsets.length !== 2) throw wrong(`has the data_offsets ${JSON.stringify(offsets)}`);
  const [begin, end] = offsets as [number, number];
  const lengthBytes = elementCount(shape) * itemBytes;
  if (end - begin !== lengthBytes) {
    throw wrong(`of ${dtype} [${shape}] needs ${lengthBytes} bytes, its data_offsets span ${end - begin}`);
  }
  if (data.start + end > data.end) {
    throw new CheckpointError(
      `${file} is truncated: tensor "${name}" ends at byte ${data.start + end}, the file at ${data.end}`,
    );
  }
  return { formatDType: dtype as string, shape, file, offsetBytes: data.start + begin, lengthBytes };
}

/** Every byte of the data belongs to exactly one tensor. */
function checkLayout(file: string, entries: readonly [string, Entry][], data: ByteRange): void {
  const inOrder = entries.toSorted(([, a], [, b]) => a.offsetBytes - b.offsetBytes || a.lengthBytes - b.lengthBytes);
  let end = data.start;
  for (const [name, { offsetBytes, lengthBytes }] of inOrder) {
    if (offsetBytes < end) throw new CheckpointError(`${file} is damaged: tensor "${name}" overlaps the one before it`);
    if (offsetBytes > end) throw new CheckpointError(`${file} is damaged: nothing lies before tensor "${name}"`);
    end = offsetBytes + lengthBytes;
  }
  if (end < data.end) throw new CheckpointError(`${file} is damaged: its last ${data.end - end} bytes are no tensor`);
}

/** What the format calls each dtype. */
export const formatNames: { readonly [D in DType]: string } = {
  float32: "F32",
  float16: "F16",
  bfloat16: "BF16",
  float8e4m3fn: "F8_E4M3",
  int32: "I32",
  int64: "I64",
  bool: "BOOL",
  uint8: "U8",
};

/** Bytes of every dtype of the format; those without an entry in `formatNames` can lie in a file but not be used. */
const formatBytes = new Map(Object.entries({
  ...Object.fromEntries(
    (Object.keys(formatNames) as DType[]).map((dtype) => [formatNames[dtype], elementBytes[dtype]]),
  ),
  ...{ F64: 8, I16: 2, U16: 2, U32: 4, U64: 8, I8: 1, F8_E5M2: 1 },
}));

/** Length and JSON of a file's header, padded to 8 bytes; the tensors lie in the order given. */
export function headerBytes(
  tensors: Iterable<{ readonly name: string; readonly dtype: DType; readonly shape: readonly number[] }>,
  metadata?: Readonly<Record<string, string>>,
): Uint8Array<ArrayBuffer> {
  const header: Record<string, unknown> = metadata ? { __metadata__: metadata } : {};
  let end = 0;
  for (const { name, dtype, shape } of tensors) {
    const begin = end;
    end += elementCount(shape) * elementBytes[dtype];
    header[name] = { dtype: formatNames[dtype], shape, data_offsets: [begin, end] };
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  const jsonBytes = Math.ceil(json.length / 8) * 8;
  const bytes = new Uint8Array(8 + jsonBytes).fill(0x20, 8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(jsonBytes), true);
  bytes.set(json, 8);
  return bytes;
}

/** A write may take fewer bytes than it is given. */
export async function writeAll(file: Deno.FsFile, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
}

/** Fewer bytes only at the end of the file. */
export async function readUpTo(handle: Deno.FsFile, lengthBytes: number): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(lengthBytes);
  return bytes.subarray(0, await fill(handle, bytes));
}

/** Reads over `bytes`, and says how many there were: fewer only at the end of the file. */
export async function fill(handle: Deno.FsFile, bytes: Uint8Array<ArrayBuffer>): Promise<number> {
  let at = 0;
  while (at < bytes.length) {
    const read = await handle.read(bytes.subarray(at));
    if (read === null) break;
    at += read;
  }
  return at;
}

export const openForReading = (file: string) =>
  Deno.open(file).catch((cause) => {
    throw new CheckpointError(`Cannot read ${file}: ${reasonOf(cause)}`, { cause });
  });

/** The JSON object of `text`; `what` names it in the error. */
export function parseJson(text: string, what: string): Record<string, unknown> {
  try {
    const value = JSON.parse(text);
    if (isRecord(value)) return value;
  } catch (cause) {
    throw new CheckpointError(`${what} is no JSON: ${(cause as Error).message}`, { cause });
  }
  throw new CheckpointError(`${what} is no JSON object`);
}

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isSizes = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);

export const reasonOf = (cause: unknown) =>
  cause instanceof Deno.errors.NotFound ? "it does not exist" : (cause as Error).message;
