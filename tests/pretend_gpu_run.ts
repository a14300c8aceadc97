/**
 * What `pretend_gpu_test.ts` runs with a pretended GPU: every graph is compiled for it, and the transformer goes through a step
 * of two blocks. ONNX Runtime's verbose log goes to standard error.
 *
 *     deno run -A pretend_gpu_run.ts PRETENDED_CUDA_RUNTIME LIBONNXRUNTIME
 */
import { fileURLToPath } from "node:url";
import { loadGpuTransformer } from "../src/engine/gpu_transformer.ts";
import { loadImageEncoder, loadTextEncoder } from "../src/engine/encoders.ts";
import { LoraSets } from "../src/engine/lora/lora_sets.ts";
import { readManifest } from "../src/engine/manifest.ts";
import { ExecutableCache } from "../src/engine/onnx/executable_cache.ts";
import { openRuntime } from "../src/engine/onnx/runtime.ts";
import { readGoldenCase } from "../src/engine/parity/golden_case.ts";
import { forward, sectionOf } from "../src/engine/parity/transformer_cases.ts";
import { SharedWeights } from "../src/engine/streaming/shared_weights.ts";
import { StreamedBlocks } from "../src/engine/streaming/streamed_blocks.ts";
import { StreamedLlama } from "../src/engine/streaming/streamed_llama.ts";
import { FramePackTransformer, transformerSource } from "../src/engine/transformer.ts";
import { loadVae } from "../src/engine/vae.ts";
import { writeLora } from "./lora_files.ts";
import { weightPackings, writePackedTransformer } from "./packed_model.ts";
import { goldenDir, makeTinyModel } from "./tiny_model.ts";

const [cudart, libraryPath] = Deno.args as [string, string];
const signal = new AbortController().signal;
const device = { kind: "cuda", index: 0, memoryLimitBytes: 2e9 } as const;
// The real CUDA runtime would say that there is no GPU.
using runtime = openRuntime({ libraryPath, logSeverity: "verbose", cudaLibraries: [cudart] });
using executables = new ExecutableCache(runtime, { device, weights: "resident", nodesOnCpu: "refused" });

await using model = await makeTinyModel("tiny-h128");
const file = `${goldenDir}/cases/transformer/tiny-h128_f1_64x64_n12_taps.json`;
const golden = { ...await readGoldenCase(file, model.dir), modelDir: model.dir };
const source = { ...await transformerSource(`${model.dir}/transformer`), computeDType: "bfloat16" } as const;
const placement = { dual: { resident: [0] }, single: { resident: [] } };
await using blocks = new StreamedBlocks({ source, executables, runtime, device, placement });
const transformer = new FramePackTransformer(source, executables, blocks);
await transformer.warm(sectionOf(golden).shape);
const { sample } = await forward(transformer, golden, "sample");

const adapter = `${model.dir}/adapter.safetensors`;
const modules = ["transformer_blocks.0.attn.to_q", "single_transformer_blocks.0.proj_mlp"];
await writeLora(adapter, model.dir, { format: "peft", modules });
{
  await using sets = new LoraSets(transformer, () => new ExecutableCache(runtime, executables.options));
  await forward(await sets.transformerUnder([{ file: adapter, strength: 1 }], signal), golden, "sample");
}

for (const packing of weightPackings) {
  const [packed, rounded] = [`${model.dir}/${packing} packed`, `${model.dir}/${packing} rounded`];
  await writePackedTransformer(source.checkpoint, `${model.dir}/transformer`, { packed, rounded }, packing);
  using own = new ExecutableCache(runtime, executables.options);
  const options = { runtime, device, placement, mlpChunks: 2 };
  const { transformer, blocks } = await loadGpuTransformer(packed, own, options);
  await forward(transformer, golden, "sample");
  await blocks[Symbol.asyncDispose]();
}

const emoji = fileURLToPath(new URL("../models/emoji", import.meta.url));
await using vae = await loadVae(`${emoji}/vae`, executables, {
  computeDType: "float16",
  weights: (checkpoint) => new SharedWeights({ checkpoint, runtime, device, stay: "while used" }),
});
await vae.warm({ height: 12, width: 12 });
const manifest = await readManifest(emoji);
await (await loadTextEncoder(emoji, manifest, executables, { computeDType: "float16" })).warm();
const streaming = await loadTextEncoder(emoji, manifest, executables, {
  computeDType: "float16",
  network: (source) => new StreamedLlama({ source, executables, runtime, device }),
});
const { states } = await streaming.encode("a fox", signal);
await (await loadImageEncoder(emoji, executables, "float16")).warm();
Deno.stdout.writeSync(new TextEncoder().encode(JSON.stringify({
  numbers: sample!.data.length,
  states: states.shape,
})));
