import assert from "node:assert/strict";
import { arenaEntries } from "./cuda_arena.ts";
import { cudaSessionEntries } from "./cuda_provider.ts";
import { hostMemoryPlace } from "./device.ts";
import { cString, handleFrom, loadOrtApi } from "./ort_api.ts";
import { openRuntime, packagedLibraryPath } from "./runtime.ts";

const gpu = { kind: "cuda", index: 0 } as const;

Deno.test("arenaEntries() take a planned arena in one piece, and leave room for weights that stay", () => {
  assert.deepEqual(arenaEntries({ ...gpu, memoryLimitBytes: 5e9, arenaBytes: 3e9 }), {
    "max_mem": 5_000_000_000n,
    "arena_extend_strategy": 0n,
    "initial_chunk_size_bytes": 3_000_000_000n,
  });
  assert.deepEqual(arenaEntries(gpu), { "max_mem": 2n ** 64n - 1n, "arena_extend_strategy": 1n });
});

Deno.test("cudaSessionEntries() have weights in the arena that leave again", () => {
  const key = "session.use_device_allocator_for_initializers";
  assert.equal(cudaSessionEntries("refused", "always")[key], "1");
  assert.equal(cudaSessionEntries("refused", "while used")[key], "0");
});

Deno.test("a shared arena can be given up and made anew, as ONNX Runtime's own one on the CPU shows", () => {
  using _runtime = openRuntime();
  const api = loadOrtApi(packagedLibraryPath());
  const env = handleFrom((out) => api.createEnv(3, cString("test"), out));
  const { info } = hostMemoryPlace(api);
  try {
    api.unregisterAllocator(env, info);
    assert.throws(() => api.unregisterAllocator(env, info));
    api.createAndRegisterAllocator(env, info, null);
  } finally {
    api.releaseEnv(env);
  }
});
