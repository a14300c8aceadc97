import assert from "node:assert/strict";
import { type ElfLibrary, elfLibrary } from "../../tests/elf_library.ts";
import { type CudaProviderQuestion, inspectCudaProvider, type LoaderView, resolveNeeded } from "./cuda_provider.ts";

const question: CudaProviderQuestion = {
  ortLibraryPath: "/ort/libonnxruntime.so.1",
  origin: "npm",
  npmPackage: "npm:onnxruntime-node@1.30.0",
  denoVersion: "2.9.6",
  platform: { os: "linux", arch: "x86_64" },
};
/** What the provider of onnxruntime-gpu 1.31.1 needs, the C library aside. */
const ofCuda13 = ["libcublasLt.so.13", "libcublas.so.13", "libcurand.so.10", "libcudart.so.13", "libcuda.so.1"];
const provider = {
  "/ort/libonnxruntime_providers_shared.so": {},
  "/ort/libonnxruntime_providers_cuda.so": { needed: [...ofCuda13, "libc.so.6"] },
  "/lib/libc.so.6": {},
};

/** A machine with these libraries. */
function machine(
  libraries: Readonly<Record<string, ElfLibrary | Uint8Array>>,
  { libraryPath = [], cache = {} }: {
    readonly libraryPath?: readonly string[];
    readonly cache?: Readonly<Record<string, string>>;
  } = {},
): LoaderView {
  const bytesOf = (path: string) => {
    const library = libraries[path]!;
    return library instanceof Uint8Array ? library : elfLibrary(library);
  };
  return {
    libraryPath,
    cache: new Map(Object.entries(cache)),
    isFile: (path) => Promise.resolve(path in libraries),
    read: (path) => (offset, length) => Promise.resolve(bytesOf(path).subarray(offset, offset + length)),
  };
}

const shown = async (loader: LoaderView, asked = question) =>
  (await inspectCudaProvider(asked, loader)).findings.map(({ level, says }) => `${level}: ${says}`);

Deno.test("inspectCudaProvider() names the command that fetches the provider", async () => {
  const npm = await inspectCudaProvider(question, machine({}));
  assert.deepEqual(npm.findings.map(({ says, command }) => [says, command]), [[
    'libonnxruntime_providers_cuda.so and libonnxruntime_providers_shared.so not in "/ort"',
    "npx -y deno@2.9.6 install --allow-scripts=npm:onnxruntime-node@1.30.0",
  ]]);
  assert.equal(npm.cudaMajor, null);
  const own = await inspectCudaProvider({ ...question, origin: "configured" }, machine({}));
  assert.match(own.findings[0]!.command!, /FRAMECAST_ORT_LIBRARY .* onnxruntime-gpu/);
  const arm = { ...question, platform: { os: "linux", arch: "aarch64" } };
  assert.equal((await inspectCudaProvider(arm, machine({}))).findings[0]!.command, own.findings[0]!.command);
  assert.deepEqual(await shown(machine({}), { ...question, platform: { os: "darwin", arch: "aarch64" } }), [
    "note: framecast uses CUDA on Linux only; this is darwin",
  ]);
});

Deno.test("inspectCudaProvider() names each library that is missing, and the wheel that has it", async () => {
  const { cudaMajor, findings } = await inspectCudaProvider(question, machine(provider));
  assert.equal(cudaMajor, 13);
  const missing = findings.filter(({ level }) => level === "missing");
  assert.deepEqual(missing.map(({ says }) => says), [
    "libcublasLt.so.13 and libcublas.so.13: not found by the loader",
    "libcurand.so.10: not found by the loader",
    "libcudart.so.13: not found by the loader",
    "libcuda.so.1: not found by the loader",
    "libcudnn.so.9, which the picture decoder needs: not found by the loader",
  ]);
  const commands = missing.map(({ command }) => command!);
  const wheels = ["nvidia-cublas==13.*", "nvidia-curand==10.*", "nvidia-cuda-runtime==13.*"];
  for (const [index, wheel] of wheels.entries()) assert.ok(commands[index]!.includes(`"${wheel}"`), wheel);
  assert.equal(commands[3], "install NVIDIA's driver 580 or newer: https://www.nvidia.com/drivers");
  assert.ok(commands[4]!.includes('"nvidia-cudnn-cu13==9.*"'));
  const all = findings.at(-1)!;
  assert.equal(all.level, "note");
  for (const wheel of [...wheels, "nvidia-cudnn-cu13==9.*"]) assert.ok(all.says.includes(`"${wheel}"`), wheel);
});

Deno.test("inspectCudaProvider() asks for the wheels of CUDA 12 where the provider is built for it", async () => {
  const of12 = {
    ...provider,
    "/ort/libonnxruntime_providers_cuda.so": { needed: ["libcublas.so.12", "libcudart.so.12"] },
  };
  const { cudaMajor, findings } = await inspectCudaProvider(question, machine(of12));
  assert.equal(cudaMajor, 12);
  const commands = findings.map(({ command = "" }) => command).join();
  for (const wheel of ["nvidia-cublas-cu12==12.*", "nvidia-cuda-runtime-cu12==12.*", "nvidia-cudnn-cu12==9.*"]) {
    assert.ok(commands.includes(`"${wheel}"`), wheel);
  }
});

Deno.test("inspectCudaProvider() is content when the loader finds everything", async () => {
  const places = Object.fromEntries([...ofCuda13, "libcudnn.so.9"].map((name) => [name, `/opt/cuda/${name}`]));
  const libraries = Object.fromEntries(Object.values(places).map((path) => [path, {}]));
  assert.deepEqual(await shown(machine({ ...provider, ...libraries }, { cache: places })), [
    "ok: /ort/libonnxruntime_providers_cuda.so",
    "ok: libcublasLt.so.13, libcublas.so.13, libcurand.so.10, libcudart.so.13",
    "ok: /opt/cuda/libcudnn.so.9",
  ]);
});

Deno.test("inspectCudaProvider() says when the provider is no library", async () => {
  const damaged = { ...provider, "/ort/libonnxruntime_providers_cuda.so": new TextEncoder().encode("404: Not Found") };
  assert.deepEqual(await shown(machine(damaged)), [
    'missing: "/ort/libonnxruntime_providers_cuda.so" cannot be used: it is no ELF library',
  ]);
});

Deno.test("resolveNeeded() looks where the loader looks, and in its order", async () => {
  const libraries = {
    "/app/a.so": { needed: ["b.so", "c.so", "d.so", "e.so"], runPath: "$ORIGIN/lib" },
    "/first/b.so": {},
    "/app/lib/b.so": {},
    "/app/lib/c.so": { needed: ["f.so"], runPath: "/elsewhere" },
    "/cached/c.so": {},
    "/cached/d.so": {},
    "/usr/lib/d.so": {},
    "/usr/lib/e.so": {},
    "/elsewhere/f.so": { needed: ["g.so"] },
    // The folders of a library are for what it needs itself, not for what that needs.
    "/elsewhere/g.so": {},
  };
  const cache = { "c.so": "/cached/c.so", "d.so": "/cached/d.so", "e.so": "/cached/gone.so" };
  const { found, absent } = await resolveNeeded("/app/a.so", machine(libraries, { libraryPath: ["/first"], cache }));
  assert.deepEqual(Object.fromEntries(found), {
    "b.so": "/first/b.so",
    "c.so": "/app/lib/c.so",
    "d.so": "/cached/d.so",
    "e.so": "/usr/lib/e.so",
    "f.so": "/elsewhere/f.so",
  });
  assert.deepEqual(absent, ["g.so"]);
});

Deno.test("resolveNeeded() comes to an end when libraries need each other", async () => {
  const { found } = await resolveNeeded(
    "/lib/a.so",
    machine({ "/lib/a.so": { needed: ["b.so"] }, "/lib/b.so": { needed: ["a.so", "b.so"] } }),
  );
  assert.deepEqual([...found.keys()], ["b.so", "a.so"]);
});
