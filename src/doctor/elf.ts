/**
 * The dynamic section of a Linux library: its own name, and the libraries it asks the loader for. ELF-64, little-endian
 * (System V ABI, chapters 4 and 5; `elf.h`).
 * @module
 */

/** What the loader reads of a library before it loads it. */
export interface DynamicSection {
  /** `DT_SONAME`: what other libraries call it. */
  readonly soname: string | null;
  /** `DT_NEEDED`, in the order of the file. */
  readonly needed: readonly string[];
  /** Folders of `DT_RUNPATH`, or of `DT_RPATH` where there is none; `$ORIGIN` stands for the library's own. */
  readonly runPath: readonly string[];
}

/** Bytes `[offset, offset + length)` of a file, fewer at its end. */
export type ReadBytes = (offset: number, length: number) => Promise<Uint8Array>;

/** The file is no library of this kind, or its tables point nowhere. The message is a clause without the file's name. */
export class ElfError extends Error {
  override readonly name = "ElfError";
}

const header = { bytes: 64, programHeaders: 32, programHeaderBytes: 54, programHeaderCount: 56 };
const programHeader = { bytes: 56, offset: 8, address: 16, sizeInFile: 32 };
const segment = { load: 1, dynamic: 2 };
const tag = { end: 0, needed: 1, strings: 5, stringsSize: 10, soname: 14, rpath: 15, runpath: 29 };
/** Real ones have a few hundred bytes and a few ten thousand; more is damage. */
const tableBytesMax = 1 << 26;

/** @throws ElfError */
export async function readDynamicSection(read: ReadBytes): Promise<DynamicSection> {
  const segments = await readSegments(read);
  const dynamic = segments.find(({ type }) => type === segment.dynamic);
  if (!dynamic) throw new ElfError("it has no dynamic section");
  const entries = parseDynamic(await readTable(read, dynamic.offset, dynamic.sizeInFile));
  const valueOf = (wanted: number) => entries.find((entry) => entry.tag === wanted)?.value;
  const [address, size] = [valueOf(tag.strings), valueOf(tag.stringsSize)];
  const holder = segments.find(({ type, address: start, sizeInFile }) =>
    type === segment.load && address !== undefined && address >= start && address < start + sizeInFile
  );
  if (address === undefined || size === undefined || !holder) {
    throw new ElfError("its dynamic section names no strings");
  }
  const strings = await readTable(read, holder.offset + address - holder.address, size);
  const textOf = (wanted: number) =>
    entries.filter((entry) => entry.tag === wanted).map(({ value }) => terminated(strings, value));
  const runPath = textOf(tag.runpath).length > 0 ? textOf(tag.runpath) : textOf(tag.rpath);
  return {
    soname: textOf(tag.soname)[0] ?? null,
    needed: textOf(tag.needed),
    runPath: runPath.flatMap((path) => path.split(":")).filter(Boolean),
  };
}

interface Segment {
  readonly type: number;
  readonly offset: number;
  readonly address: number;
  readonly sizeInFile: number;
}

async function readSegments(read: ReadBytes): Promise<Segment[]> {
  const bytes = await read(0, header.bytes);
  const [class64, littleEndian] = [2, 1];
  const isElf = bytes.length === header.bytes && String.fromCharCode(...bytes.subarray(0, 4)) === "\x7fELF";
  if (!isElf) throw new ElfError("it is no ELF library");
  if (bytes[4] !== class64 || bytes[5] !== littleEndian) throw new ElfError("it is no 64-bit little-endian library");
  const view = viewOf(bytes);
  const [each, count] = [
    view.getUint16(header.programHeaderBytes, true),
    view.getUint16(header.programHeaderCount, true),
  ];
  if (each < programHeader.bytes) throw new ElfError(`its program headers have ${each} bytes`);
  const table = viewOf(await readTable(read, position(view, header.programHeaders), each * count));
  return Array.from({ length: count }, (_, index) => ({
    type: table.getUint32(index * each, true),
    offset: position(table, index * each + programHeader.offset),
    address: position(table, index * each + programHeader.address),
    sizeInFile: position(table, index * each + programHeader.sizeInFile),
  }));
}

function parseDynamic(bytes: Uint8Array): { readonly tag: number; readonly value: number }[] {
  const view = viewOf(bytes);
  const entries = [];
  for (let at = 0; at + 16 <= bytes.length; at += 16) {
    const entry = { tag: Number(view.getBigInt64(at, true)), value: position(view, at + 8) };
    if (entry.tag === tag.end) break;
    entries.push(entry);
  }
  return entries;
}

async function readTable(read: ReadBytes, offset: number, length: number): Promise<Uint8Array> {
  if (length > tableBytesMax) throw new ElfError(`it claims a table of ${length} bytes`);
  const bytes = await read(offset, length);
  if (bytes.length < length) throw new ElfError(`it ends before byte ${offset + length}`);
  return bytes;
}

function terminated(strings: Uint8Array, start: number): string {
  const end = strings.indexOf(0, start);
  if (start >= strings.length || end < 0) {
    throw new ElfError(`it names a string at ${start} of ${strings.length} bytes`);
  }
  return new TextDecoder().decode(strings.subarray(start, end));
}

const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
/** Addresses and offsets of 64 bits; what is no place in a file becomes an end nothing reaches. */
const position = (view: DataView, at: number) => Number(view.getBigUint64(at, true));
