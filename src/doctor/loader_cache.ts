/**
 * The loader's list of libraries, `/etc/ld.so.cache`, as `ldconfig` writes it (glibc, `dl-cache.h`, `cache_file_new`).
 * @module
 */

const magic = "glibc-ld.so.cache1.1";
const headerBytes = 48;
const entryBytes = 24;
/** Entries of this machine's kind: `FLAG_ELF_LIBC6` with `FLAG_X8664_LIB64` or `FLAG_AARCH64_LIB64`. */
const flagsOf: Readonly<Record<string, number>> = { "x86_64": 0x0303, aarch64: 0x0a03 };

/** Library name → the path it stands for, first come first served. Empty for bytes that are no such list. */
export function parseLoaderCache(bytes: Uint8Array, architecture: string): ReadonlyMap<string, string> {
  const libraries = new Map<string, string>();
  const start = startOf(bytes);
  if (start === undefined) return libraries;
  const view = new DataView(bytes.buffer, bytes.byteOffset + start, bytes.byteLength - start);
  const count = view.getUint32(magic.length, true);
  for (
    let at = headerBytes;
    at < headerBytes + count * entryBytes && at + entryBytes <= view.byteLength;
    at += entryBytes
  ) {
    const [flags, name, path] = [view.getInt32(at, true), view.getUint32(at + 4, true), view.getUint32(at + 8, true)];
    const key = textAt(bytes, start + name);
    if (flags === flagsOf[architecture] && !libraries.has(key)) libraries.set(key, textAt(bytes, start + path));
  }
  return libraries;
}

/** Old systems write the list of an older format in front of it. */
function startOf(bytes: Uint8Array): number | undefined {
  const isAt = (start: number) =>
    start + headerBytes <= bytes.length &&
    [...magic].every((letter, index) => bytes[start + index] === letter.charCodeAt(0));
  if (isAt(0)) return 0;
  for (let start = 8; start + headerBytes <= bytes.length; start += 8) if (isAt(start)) return start;
  return undefined;
}

function textAt(bytes: Uint8Array, start: number): string {
  const end = bytes.indexOf(0, start);
  return new TextDecoder().decode(bytes.subarray(start, end < 0 ? bytes.length : end));
}
