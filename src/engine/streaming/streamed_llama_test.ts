import assert from "node:assert/strict";
import { join } from "node:path";
import { countedMemory } from "../../../tests/counted_memory.ts";
import { tinyGraphs, writeShards } from "../../../tests/tiny_graphs.ts";
import { type LlamaOptions, loadLlamaEncoder } from "../llama_encoder.ts";
import { llamaLayerGraph, llamaLayerPaths, type LlamaSource } from "../llama_graphs.ts";
import { openCheckpoint } from "../onnx/safetensors.ts";
import { float32Tensor, type Tensor } from "../onnx/tensor.ts";
import { distanceBetween } from "../parity/distance.ts";
import { caseExecutables, caseRuntime } from "../parity/transformer_cases.ts";
import { framePackTemplate } from "../tokenizers/prompt_template.ts";
import { StreamedLlama } from "./streamed_llama.ts";
import { layoutOf } from "./weight_layout.ts";

const { dir, executables } = await tinyGraphs("tiny-a");
const going = new AbortController().signal;
const device = { kind: "cpu" } as const;

const load = (options?: LlamaOptions, folder = dir) =>
  loadLlamaEncoder(folder, framePackTemplate, executables, options);

Deno.test("LLaMA layer by layer gives what it gives as one graph, for prompts of every length", async () => {
  const whole = await load();
  const streamed = await load({
    network: (source) => new StreamedLlama({ source, executables, runtime: caseRuntime(), device }),
  });
  await streamed.warm();
  for (const prompt of ["", "A fox jumps.", "The girl dances gracefully. ".repeat(60)]) {
    const [expected, got] = [await whole.encode(prompt, going), await streamed.encode(prompt, going)];
    assert.deepEqual(got.states.shape, expected.states.shape);
    const { rel_l2: distance } = distanceBetween(got.states.data, expected.states.data);
    assert.ok(distance < 1e-6, `${distance} for a prompt of ${expected.promptTokens} tokens`);
  }
});

Deno.test("in half precision it is as near to float32 as one graph in half precision", async () => {
  const exact = await (await load()).encode("A fox jumps.", going);
  const computeDType = "float16";
  using own = caseExecutables();
  const whole = await loadLlamaEncoder(dir, framePackTemplate, own, { computeDType });
  const streamed = await load({
    computeDType,
    network: (source) => new StreamedLlama({ source, executables: own, runtime: caseRuntime(), device }),
  });
  const [ofWhole, ofStreamed] = await Promise.all([whole, streamed].map(async (encoder) => {
    const { states } = await encoder.encode("A fox jumps.", going);
    return distanceBetween(states.data, exact.states.data).rel_l2;
  }));
  assert.ok(ofWhole! > 1e-5, "half precision is no float32");
  assert.ok(ofStreamed! < 1.2 * ofWhole!, `${ofStreamed} instead of ${ofWhole}`);
});

Deno.test("two layers are on the device at once, in memory that graphs compute in, and none after the prompt", async () => {
  const counted = countedMemory(caseRuntime());
  let known: LlamaSource | undefined;
  const streamed = await load({
    network: (source) => {
      known = source;
      return new StreamedLlama({ source, executables, runtime: counted.runtime, device });
    },
  });
  assert.deepEqual(counted.sources, [], "nothing is taken before a prompt is read");
  await streamed.encode("A fox jumps.", going);
  const layerBytes = layoutOf(llamaLayerGraph(known!).weights).sizeBytes;
  assert.equal(counted.peakBytes(), 2 * layerBytes);
  assert.deepEqual([counted.held(), counted.sources], [[], ["arena"]]);
});

Deno.test("a stop ends a prompt and gives the memory back; the next prompt is whole", async () => {
  const counted = countedMemory(caseRuntime());
  const streamed = await load({
    network: (source) => new StreamedLlama({ source, executables, runtime: counted.runtime, device }),
  });
  const before = await streamed.encode("A fox jumps.", going);
  const stop = new AbortController();
  const stopped = streamed.encode("A fox jumps.", stop.signal);
  stop.abort(new Error("enough"));
  await assert.rejects(stopped, { message: "enough" });
  assert.deepEqual(counted.held(), []);
  assert.deepEqual(await streamed.encode("A fox jumps.", going), before);
});

Deno.test("layers that straddle files give the same bits, and the two that nobody needs may be missing", async () => {
  const folder = await Deno.makeTempDir();
  try {
    for (const part of ["tokenizer", "text_encoder"]) await copyFolder(join(dir, part), join(folder, part));
    await writeCutInLayer(join(folder, "text_encoder"));
    const network = (source: LlamaSource) => new StreamedLlama({ source, executables, runtime: caseRuntime(), device });
    const expected = await (await load({ network })).encode("A fox jumps.", going);
    assert.deepEqual(await (await load({ network }, folder)).encode("A fox jumps.", going), expected);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

async function copyFolder(from: string, to: string): Promise<void> {
  await Deno.mkdir(to);
  for await (const { name } of Deno.readDir(from)) await Deno.copyFile(join(from, name), join(to, name));
}

/** Two files, cut inside the first layer. */
async function writeCutInLayer(folder: string): Promise<void> {
  const checkpoint = await openCheckpoint(folder);
  const used = [...llamaLayerPaths({ layers: 4 } as LlamaSource["config"]), "embed_tokens"];
  const shards: Record<string, Tensor>[] = [{}, {}];
  for (const name of checkpoint.names().filter((name) => used.some((path) => name.startsWith(`${path}.`)))) {
    const shard = name.startsWith("layers.0.self_attn") ? 0 : 1;
    shards[shard]![name] = float32Tensor(checkpoint.get(name).shape, await checkpoint.readFloat32(name));
  }
  await writeShards(folder, shards);
}
