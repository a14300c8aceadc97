import assert from "node:assert/strict";
import { parseLoaderCache } from "./loader_cache.ts";

const flags = { "x86_64": 0x0303, aarch64: 0x0a03, i386: 0x0003 };
type Entry = readonly [flags: number, name: string, path: string];

/** A list as glibc's `ldconfig` writes it: header, entries, strings. */
function loaderCache(entries: readonly Entry[]): Uint8Array<ArrayBuffer> {
  const [headerBytes, entryBytes] = [48, 24];
  const text = entries.flatMap(([, name, path]) => [`${name}\0`, `${path}\0`]).join("");
  const bytes = new Uint8Array(headerBytes + entries.length * entryBytes + text.length);
  const view = new DataView(bytes.buffer);
  bytes.set(new TextEncoder().encode("glibc-ld.so.cache1.1"));
  view.setUint32(20, entries.length, true);
  view.setUint32(24, text.length, true);
  let at = headerBytes + entries.length * entryBytes;
  bytes.set(new TextEncoder().encode(text), at);
  for (const [index, [flag, name, path]] of entries.entries()) {
    const entry = headerBytes + index * entryBytes;
    view.setInt32(entry, flag, true);
    view.setUint32(entry + 4, at, true);
    view.setUint32(entry + 8, at + name.length + 1, true);
    at += name.length + path.length + 2;
  }
  return bytes;
}

const entries: readonly Entry[] = [
  [flags.i386, "libz.so.1", "/lib/i386-linux-gnu/libz.so.1"],
  [flags.x86_64, "libz.so.1", "/lib/x86_64-linux-gnu/libz.so.1"],
  [flags.x86_64, "libz.so.1", "/usr/local/lib/libz.so.1"],
  [flags.aarch64, "libcuda.so.1", "/usr/lib/aarch64-linux-gnu/libcuda.so.1"],
];

Deno.test("parseLoaderCache() gives the first path for this machine's kind of library", () => {
  const onIntel = parseLoaderCache(loaderCache(entries), "x86_64");
  assert.deepEqual([...onIntel], [["libz.so.1", "/lib/x86_64-linux-gnu/libz.so.1"]]);
  assert.deepEqual([...parseLoaderCache(loaderCache(entries), "aarch64").keys()], ["libcuda.so.1"]);
});

Deno.test("parseLoaderCache() finds the list behind one of an older format", () => {
  const older = new Uint8Array(64);
  older.set(new TextEncoder().encode("ld.so-1.7.0"));
  const list = loaderCache(entries);
  const both = new Uint8Array(older.length + list.length);
  both.set(older);
  both.set(list, older.length);
  assert.deepEqual(parseLoaderCache(both, "x86_64"), parseLoaderCache(list, "x86_64"));
});

Deno.test("parseLoaderCache() takes anything else for an empty list, and what is cut off as far as it goes", () => {
  for (const bytes of [new Uint8Array(), new Uint8Array(1000), new TextEncoder().encode("glibc-ld.so.cache1.1")]) {
    assert.equal(parseLoaderCache(bytes, "x86_64").size, 0);
  }
  assert.ok(parseLoaderCache(loaderCache(entries).subarray(0, 100), "x86_64").size <= 1);
});
