/**
 * Small ELF libraries: a header, two program headers, a dynamic section and its strings, and no code.
 * @module
 */

export interface ElfLibrary {
  readonly soname?: string;
  readonly needed?: readonly string[];
  readonly runPath?: string;
  /** `DT_RPATH`, which came before. */
  readonly rpath?: string;
}

/** Where the file's bytes lie in memory: other places than in the file, as in real libraries. */
const baseAddress = 0x40_0000;
const [headerBytes, programHeaderBytes] = [64, 56];

export function elfLibrary({ soname, needed = [], runPath, rpath }: ElfLibrary): Uint8Array<ArrayBuffer> {
  const strings = [""];
  const named = (tag: number, text: string | undefined) => {
    if (text === undefined) return [];
    strings.push(text);
    return [[tag, strings.slice(0, -1).join("\0").length + 1]];
  };
  const entries = [
    ...needed.flatMap((name) => named(1, name)),
    ...named(14, soname),
    ...named(15, rpath),
    ...named(29, runPath),
  ];
  const table = new TextEncoder().encode(`${strings.join("\0")}\0`);
  const dynamicStart = headerBytes + 2 * programHeaderBytes;
  const stringsStart = dynamicStart + 16 * (entries.length + 3);
  const bytes = new Uint8Array(stringsStart + table.length);
  const view = new DataView(bytes.buffer);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]); // ELF, 64 bits, little-endian, version 1
  view.setBigUint64(32, BigInt(headerBytes), true);
  view.setUint16(54, programHeaderBytes, true);
  view.setUint16(56, 2, true);
  const segment = (index: number, type: number, start: number, length: number) => {
    const at = headerBytes + index * programHeaderBytes;
    view.setUint32(at, type, true);
    view.setBigUint64(at + 8, BigInt(start), true);
    view.setBigUint64(at + 16, BigInt(baseAddress + start), true);
    view.setBigUint64(at + 32, BigInt(length), true);
  };
  segment(0, 1, 0, bytes.length);
  segment(1, 2, dynamicStart, stringsStart - dynamicStart);
  const dynamic = [...entries, [5, baseAddress + stringsStart], [10, table.length], [0, 0]];
  for (const [index, [tag, value]] of dynamic.entries()) {
    view.setBigInt64(dynamicStart + 16 * index, BigInt(tag!), true);
    view.setBigUint64(dynamicStart + 16 * index + 8, BigInt(value!), true);
  }
  bytes.set(table, stringsStart);
  return bytes;
}
