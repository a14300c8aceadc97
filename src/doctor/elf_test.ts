import assert from "node:assert/strict";
import { elfLibrary } from "../../tests/elf_library.ts";
import { readDynamicSection } from "./elf.ts";

const reading = (bytes: Uint8Array) => (offset: number, length: number) =>
  Promise.resolve(bytes.subarray(offset, offset + length));

Deno.test("readDynamicSection() reads a library's name, what it needs and where it looks", async () => {
  const bytes = elfLibrary({
    soname: "libprovider.so",
    needed: ["libcublas.so.13", "libc.so.6"],
    runPath: "$ORIGIN:/opt/cuda/lib",
    rpath: "/ignored/where/there/is/a/runpath",
  });
  assert.deepEqual(await readDynamicSection(reading(bytes)), {
    soname: "libprovider.so",
    needed: ["libcublas.so.13", "libc.so.6"],
    runPath: ["$ORIGIN", "/opt/cuda/lib"],
  });
  const old = elfLibrary({ needed: ["liba.so"], rpath: "/usr/local/lib" });
  assert.deepEqual(await readDynamicSection(reading(old)), {
    soname: null,
    needed: ["liba.so"],
    runPath: ["/usr/local/lib"],
  });
});

Deno.test("readDynamicSection() says what is wrong with a file that is no such library", async () => {
  const whole = elfLibrary({ needed: ["libc.so.6"] });
  const refusals: [string, Uint8Array][] = [
    ["it is no ELF library", new Uint8Array()],
    ["it is no ELF library", new TextEncoder().encode("#!/bin/sh\n".padEnd(64))],
    ["it is no 64-bit little-endian library", whole.with(4, 1)],
    ["it is no 64-bit little-endian library", whole.with(5, 2)],
    ["it has no dynamic section", whole.with(64 + 56, 6)],
    ["its dynamic section names no strings", whole.with(64, 6)],
    ["its program headers have 8 bytes", whole.with(54, 8)],
    [`it ends before byte ${whole.length}`, whole.subarray(0, -1)],
  ];
  for (const [message, bytes] of refusals) {
    await assert.rejects(readDynamicSection(reading(bytes)), { name: "ElfError", message });
  }
  const sizeOfDynamic = 64 + 56 + 32;
  await assert.rejects(readDynamicSection(reading(whole.with(sizeOfDynamic + 6, 1))), {
    name: "ElfError",
    message: /^it claims a table of \d{15} bytes$/,
  });
});
