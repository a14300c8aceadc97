/**
 * A GPU's memory through the calls of the CUDA runtime, on a runtime made for the purpose (`fake_cudart.c`): what is asked of
 * a real one, in which order, and that everything is given back. The real one is asked where there is none.
 */
import assert from "node:assert/strict";
import { bytesAt, whyNotOpened } from "../src/engine/onnx/cuda_api.ts";
import { cudaMemoryInfo, openCudaMemory } from "../src/engine/onnx/cuda_memory.ts";
import { compileFakeCudart } from "./fake_cudart.ts";

const runtime = await compileFakeCudart();
Deno.test.afterAll(async () => await runtime?.[Symbol.asyncDispose]());
const library = runtime?.file ?? "";
const fake = () => runtime!.fake;

const withCompiler = (name: string, fn: () => Promise<void>) =>
  Deno.test({ name: `${name} (with a C compiler)`, ignore: !runtime, fn });

withCompiler("a copy to the GPU goes on beside the program, and is done when it says so", async () => {
  const memory = openCudaMemory(0, [library]);
  const target = memory.allocate(4096);
  const staging = memory.stage(4096);
  assert.deepEqual([fake().fakeTaken(), fake().fakeLocked()], [4096n, 4096n]);
  staging.bytes.fill(7);
  const seen = bytesAt(target.address, 4096);
  fake().fakeHold(1);
  const copying = memory.upload(staging, target, 4000);
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setTimeout(resolve, 0));
  assert.ok(seen.every((byte) => byte === 0), "the program goes on while the copy is under way");
  fake().fakeHold(0);
  await copying;
  assert.ok(seen.subarray(0, 4000).every((byte) => byte === 7));
  assert.ok(seen.subarray(4000).every((byte) => byte === 0), "and nothing behind it");
  await Promise.all([memory.upload(staging, target, 10), memory.upload(staging, target, 20)]);
  for (const piece of [target, staging, target, staging]) piece[Symbol.dispose]();
  memory[Symbol.dispose]();
  assert.deepEqual([fake().fakeTaken(), fake().fakeLocked(), fake().fakeObjects()], [0n, 0n, 0]);
});

withCompiler("a file is read straight into memory that is locked for the GPU", async () => {
  using memory = openCudaMemory(0, [library]);
  using staging = memory.stage(64);
  await Deno.writeFile(`${runtime!.folder}/weights`, new Uint8Array(64).map((_, at) => at));
  using file = await Deno.open(`${runtime!.folder}/weights`);
  assert.equal(await file.read(staging.bytes.subarray(8, 40)), 32);
  assert.deepEqual(staging.bytes.slice(8, 40), new Uint8Array(32).map((_, at) => at));
});

withCompiler("the GPU's memory is told, and an end of it is said with the size asked for", async () => {
  await Promise.resolve();
  using memory = openCudaMemory(0, [library]);
  using _half = memory.allocate(2 ** 19);
  assert.deepEqual(cudaMemoryInfo(0, [library]), { freeBytes: 2 ** 19, totalBytes: 2 ** 20 });
  assert.throws(() => memory.allocate(2 ** 20), {
    name: "DeviceError",
    fault: "out of memory",
    message: "Cannot take 2 MB of the memory of GPU 0: there is not enough (CUDA error 2: out of memory)",
  });
});

withCompiler("a GPU that is not there is said by its number", async () => {
  await Promise.resolve();
  assert.throws(() => openCudaMemory(3, [library]), {
    name: "DeviceError",
    fault: "missing",
    message: "Cannot use GPU 3: it is not there, or its driver is missing or too old (CUDA error 101: something else)",
  });
});

withCompiler("a GPU that is lost during a copy is said to be lost", async () => {
  using memory = openCudaMemory(0, [library]);
  using target = memory.allocate(16);
  using staging = memory.stage(16);
  fake().fakeBreak();
  await assert.rejects(memory.upload(staging, target, 16), {
    name: "DeviceError",
    fault: "lost",
    message: "Cannot copy weights to GPU 0: it was lost (CUDA error 700: something else)",
  });
});

Deno.test("without a CUDA runtime the sentence names the libraries that were looked for", () => {
  assert.throws(() => openCudaMemory(0, ["libno-cudart.so.13", "libno-cudart.so.12"]), {
    name: "DeviceError",
    fault: "missing",
    message:
      /^Cannot use a GPU: the CUDA runtime is not installed \(libno-cudart\.so\.13: .*; libno-cudart\.so\.12: .*\)$/,
  });
  assert.match(whyNotOpened("libno-cudart.so.13")!, /^libno-cudart\.so\.13: /);
});

const gpu = cudaAnswer();
function cudaAnswer(): unknown {
  try {
    return cudaMemoryInfo(0);
  } catch (error) {
    return error;
  }
}

Deno.test({
  name: "a machine without a GPU is told so by the real CUDA runtime or its absence",
  ignore: !(gpu instanceof Error),
  fn() {
    assert.throws(() => openCudaMemory(0), {
      name: "DeviceError",
      fault: "missing",
      message: /^Cannot use (GPU 0|a GPU): /,
    });
  },
});

Deno.test({
  name: "weights reach the memory of a real GPU (with a GPU)",
  ignore: gpu instanceof Error,
  async fn() {
    using memory = openCudaMemory(0);
    using target = memory.allocate(2 ** 20);
    using staging = memory.stage(2 ** 20);
    await memory.upload(staging, target, 2 ** 20);
    const { freeBytes, totalBytes } = cudaMemoryInfo(0);
    assert.ok(freeBytes > 0 && freeBytes < totalBytes);
  },
});
