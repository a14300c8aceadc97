/**
 * What ONNX Runtime's CUDA provider does before a kernel runs, on a GPU that is only pretended (`pretend_gpu.c`): it has a kernel for
 * every operator of every network, takes memory that is ours, gives some of its arena, and chooses Flash for the blocks'
 * attention.
 *
 * Needs a folder with the provider, cuBLAS and cuRAND of CUDA 13 in `FRAMECAST_TEST_CUDA`, a C compiler and CUDA's header.
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { attentionKernels } from "../bench/gpu/attention_log.ts";

const libraries = Deno.env.get("FRAMECAST_TEST_CUDA") ?? "";
const headers = "/usr/local/cuda/include";
const isThere = existsSync(`${libraries}/libonnxruntime_providers_cuda.so`) &&
  existsSync(`${headers}/cuda_runtime_api.h`);
const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));

Deno.test({
  name: "on a GPU no operator is left to the CPU, and attention is Flash (with ONNX Runtime's CUDA provider)",
  ignore: !isThere,
  async fn() {
    const folder = await Deno.makeTempDir({ prefix: "framecast-gpu-" });
    try {
      const driver = `${folder}/libcuda.so.1`;
      const flags = ["-w", "-shared", "-fPIC", `-I${headers}`, "-Wl,-soname,libcuda.so.1"];
      const compiled = await new Deno.Command("cc", { args: [...flags, "-o", driver, here("pretend_gpu.c")] }).output();
      assert.ok(compiled.success, new TextDecoder().decode(compiled.stderr));
      const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
        args: ["run", "-A", "--no-check", here("pretend_gpu_run.ts"), driver, `${libraries}/libonnxruntime.so`],
        env: { LD_PRELOAD: driver, LD_LIBRARY_PATH: `${folder}:${libraries}` },
      }).output();
      const log = new TextDecoder().decode(stderr);
      assert.ok(success, log.slice(-2000));
      assert.deepEqual(JSON.parse(new TextDecoder().decode(stdout)), { numbers: 16 * 9 * 8 * 8, states: [3, 64] });
      // 184 tokens of the picture and its history, 16 of the start picture, 12 of the text; one dual and one single block, in
      // 16 bits, without and with an adapter, and with MLPs cut in two in 8 bits, with and without scales, and in 4.
      assert.deepEqual(attentionKernels(log, 212), { "Flash Attention": 10 });
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});
