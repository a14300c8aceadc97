import assert from "node:assert/strict";
import { join } from "node:path";
import { tinyGraphs, writeShards } from "../../../tests/tiny_graphs.ts";
import { goldenDir } from "../../../tests/tiny_model.ts";
import { openCheckpoint, withWeights } from "../onnx/safetensors.ts";
import { float32Tensor, type Tensor } from "../onnx/tensor.ts";
import { compareTensor } from "../parity/compare.ts";
import { distanceBetween } from "../parity/distance.ts";
import { type GoldenTensor, readGoldenCase } from "../parity/golden_case.ts";
import { caseExecutables, caseRuntime, forward, sectionOf } from "../parity/transformer_cases.ts";
import { ExecutableCache } from "../onnx/executable_cache.ts";
import { FramePackTransformer, type GraphsInUse, loadTransformer } from "../transformer.ts";
import type { TransformerSource } from "../transformer_graphs.ts";
import { StreamedBlocks, type WeightPlacement } from "./streamed_blocks.ts";

const { dir, executables } = await tinyGraphs("tiny-a");
const golden = {
  ...await readGoldenCase(join(goldenDir, "cases/transformer/tiny-a_f1_96x80_n20.json"), dir),
  modelDir: dir,
};
const { source } = await loadTransformer(join(dir, "transformer"), executables);

/** The tiny model has two dual and four single blocks. */
const placements: Readonly<Record<string, WeightPlacement>> = {
  "all blocks streamed": { dual: { resident: [] }, single: { resident: [] } },
  "every second block streamed": { dual: { resident: [0] }, single: { resident: [1, 3] } },
  "one block streamed": { dual: { resident: [0, 1] }, single: { resident: [0, 1, 2] } },
  "no block streamed": { dual: { resident: [0, 1] }, single: { resident: [0, 1, 2, 3] } },
};

const sampleOf = async (transformer: FramePackTransformer) => (await forward(transformer, golden, "sample"))["sample"]!;

/** Two forward passes, of which the second finds in the slots what the first has fetched. */
async function streamedSamples(source: TransformerSource, placement: WeightPlacement): Promise<GoldenTensor[]> {
  using own = caseExecutables();
  const device = { kind: "cpu" } as const;
  await using blocks = new StreamedBlocks({ source, executables: own, runtime: caseRuntime(), device, placement });
  const transformer = new FramePackTransformer(source, own, blocks);
  await transformer.warm(sectionOf(golden).shape);
  return [await sampleOf(transformer), await sampleOf(transformer)];
}

Deno.test("streamed blocks give the same bits as resident ones, and what the published code gives", async () => {
  const [resident] = await streamedSamples(source, placements["no block streamed"]!);
  const { tensor, tolerance } = golden.outputs["sample"]!;
  assert.deepEqual(compareTensor(resident!, tensor, tolerance).problems, []);
  for (const [name, placement] of Object.entries(placements)) {
    for (const sample of await streamedSamples(source, placement)) assert.deepEqual(sample, resident, name);
  }
});

Deno.test("the same in bfloat16, as near to float32 as all blocks in one graph", async () => {
  const inBfloat16: TransformerSource = { ...source, computeDType: "bfloat16", arithmetic: "emulated" };
  const [resident] = await streamedSamples(inBfloat16, placements["no block streamed"]!);
  for (const [name, placement] of Object.entries(placements)) {
    for (const sample of await streamedSamples(inBfloat16, placement)) assert.deepEqual(sample, resident, name);
  }
  using own = caseExecutables();
  const exact = await sampleOf(new FramePackTransformer(source, executables));
  const whole = await sampleOf(new FramePackTransformer(inBfloat16, own));
  const [streamedAway, wholeAway] = [resident!, whole].map((sample) => distanceBetween(sample.data, exact.data).rel_l2);
  assert.ok(wholeAway! > 1e-3, "bfloat16 is no float32");
  assert.ok(streamedAway! < 1.1 * wholeAway!, `${streamedAway} instead of ${wholeAway}`);
});

Deno.test("blocks whose MLPs take some of the tokens at a time give the same, in float32 and in bfloat16", async () => {
  const placement = placements["every second block streamed"]!;
  const { tensor, tolerance } = golden.outputs["sample"]!;
  const [cut] = await streamedSamples({ ...source, mlpChunks: 2 }, placement);
  assert.deepEqual(compareTensor(cut!, tensor, tolerance).problems, []);
  const [whole] = await streamedSamples(source, placement);
  const inBfloat16 = { ...source, computeDType: "bfloat16", arithmetic: "emulated" } as const;
  const [cutRounded] = await streamedSamples({ ...inBfloat16, mlpChunks: 3 }, placement);
  const [rounded] = await streamedSamples(inBfloat16, placement);
  const away = (one: GoldenTensor) => distanceBetween(one.data, whole!.data).rel_l2!;
  assert.ok(away(cut!) < 1e-5, `${away(cut!)}`);
  assert.ok(away(cutRounded!) < 1.1 * away(rounded!), `${away(cutRounded!)} instead of ${away(rounded!)}`);
});

Deno.test("blocks that straddle the files of a sharded folder give the same bits", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await writeCutInBlocks(folder);
    const sharded: TransformerSource = { ...source, checkpoint: await openCheckpoint(folder) };
    const placement = placements["every second block streamed"]!;
    const [ofOneFile] = await streamedSamples(source, placement);
    assert.deepEqual((await streamedSamples(sharded, placement))[0], ofOneFile);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

/** Three files, cut inside a dual and inside a single block, as the published ones are. */
async function writeCutInBlocks(folder: string): Promise<void> {
  const { checkpoint } = source;
  const cuts = ["transformer_blocks.1.ff.net.2.weight", "single_transformer_blocks.2.attn.to_k.weight"];
  const order = ["transformer_blocks.", "single_transformer_blocks.", ""];
  const names = checkpoint.names().toSorted((one, other) => rank(one) - rank(other) || (one < other ? -1 : 1));
  function rank(name: string): number {
    return order.findIndex((prefix) => name.startsWith(prefix));
  }
  const shards: Record<string, Tensor>[] = [{}, {}, {}];
  let shard = 0;
  for (const name of names) {
    if (cuts.includes(name)) shard++;
    shards[shard]![name] = float32Tensor(checkpoint.get(name).shape, await checkpoint.readFloat32(name));
  }
  assert.equal(shard, 2);
  await writeShards(folder, shards);
}

Deno.test("a section with TeaCache and a prepared schedule goes through streamed blocks", async () => {
  using own = caseExecutables();
  const device = { kind: "cpu" } as const;
  const placement = placements["every second block streamed"]!;
  await using blocks = new StreamedBlocks({ source, executables: own, runtime: caseRuntime(), device, placement });
  const signal = new AbortController().signal;
  const plain = new FramePackTransformer(source, executables);
  const streamed = new FramePackTransformer(source, own, blocks);
  const results = [];
  for (const transformer of [plain, streamed]) {
    const { inputs } = golden;
    const tokens = (name: string) => float32Tensor(inputs[name]!.shape.slice(1), inputs[name]!.data as Float32Array);
    using conditioned = await transformer.condition({
      text: tokens("encoder_hidden_states"),
      pooled: float32Tensor(inputs["pooled_projections"]!.shape, inputs["pooled_projections"]!.data as Float32Array),
      image: tokens("image_embeddings"),
      guidance: 9984,
    }, signal);
    await conditioned.prepare([900, 700, 900], signal);
    using section = await conditioned.section(sectionOf(golden), signal);
    const latents = inputs["hidden_states"]!.data as Float32Array;
    const first = await section.embed(latents, 900, signal);
    const { residual } = await section.run(first, signal);
    const second = await section.embed(latents, 700, signal);
    const velocity = await section.reuse(second, residual, signal);
    results.push({ velocity, change: await section.change(second, first, signal) });
  }
  const [one, other] = results as [typeof results[0], typeof results[0]];
  assert.ok(distanceBetween(other!.velocity, one!.velocity).rel_l2 < 1e-5);
  assert.ok(one!.change > 0 && Math.abs(other!.change - one!.change) < 1e-5);
});

Deno.test("a stop ends a pass of streamed blocks, and the next one is whole", async () => {
  using own = caseExecutables();
  const device = { kind: "cpu" } as const;
  const placement = placements["all blocks streamed"]!;
  await using blocks = new StreamedBlocks({ source, executables: own, runtime: caseRuntime(), device, placement });
  const transformer = new FramePackTransformer(source, own, blocks);
  const before = await sampleOf(transformer);
  const stop = new AbortController();
  const conditions = [{
    timestep: float32Tensor([1, 256], new Float32Array(256)),
    guidance: float32Tensor([1, 256], new Float32Array(256)),
    pooled: float32Tensor([1, source.config.pooledDim], new Float32Array(source.config.pooledDim)),
  }];
  const stopped = blocks.modulations(conditions, stop.signal);
  stop.abort(new Error("enough"));
  await assert.rejects(stopped, { message: "enough" });
  assert.deepEqual(await sampleOf(transformer), before);
});

Deno.test("a runner under other weights takes the device's memory over, and gives it back to the base", async () => {
  using own = caseExecutables();
  const device = { kind: "cpu" } as const;
  const placement = placements["every second block streamed"]!;
  await using blocks = new StreamedBlocks({ source, executables: own, runtime: caseRuntime(), device, placement });
  const base = new FramePackTransformer(source, own, blocks);
  const before = await sampleOf(base);
  const name = "single_transformer_blocks.1.proj_out.weight";
  const { shape } = source.checkpoint.get(name);
  const changed = (await source.checkpoint.readFloat32(name)).map((value) => value * 1.5);
  const merged = { ...source, checkpoint: withWeights(source.checkpoint, new Map([[name, { shape, data: changed }]])) };
  using others = caseExecutables();
  await using otherBlocks = blocks.under(merged, others, new Set([name]));
  const adapted = await sampleOf(new FramePackTransformer(merged, others, otherBlocks));
  const whole = await sampleOf(new FramePackTransformer(merged, others));
  assert.ok(distanceBetween(adapted.data, before.data).rel_l2 > 1e-3, "the other weights count");
  assert.ok(distanceBetween(adapted.data, whole.data).rel_l2 < 1e-5);
  assert.deepEqual(await sampleOf(base), before);
});

Deno.test("embedders of conditions leave after each use, and a prepared schedule does not ask for them again", async () => {
  using own = caseExecutables();
  const compiled: string[] = [];
  const noting = new ExecutableCache(caseRuntime(), { ...own.options, stay: "while used" });
  const conditioning: GraphsInUse = {
    get(key, ...rest) {
      compiled.push(key);
      return noting.get(key, ...rest);
    },
    use: () => noting.use(),
  };
  const [device, runtime, placement] = [{ kind: "cpu" } as const, caseRuntime(), placements["all blocks streamed"]!];
  await using blocks = new StreamedBlocks({ source, executables: own, conditioning, runtime, device, placement });
  const { inputs } = golden;
  const row = (name: string) => float32Tensor(inputs[name]!.shape, inputs[name]!.data as Float32Array);
  const tokens = (name: string) => float32Tensor(inputs[name]!.shape.slice(1), inputs[name]!.data as Float32Array);
  const signal = new AbortController().signal;
  const velocities = [];
  for (const transformer of [new FramePackTransformer(source, own, blocks, conditioning), plain()]) {
    using conditioned = await transformer.condition({
      text: tokens("encoder_hidden_states"),
      pooled: row("pooled_projections"),
      image: tokens("image_embeddings"),
      guidance: 9984,
    }, signal);
    await conditioned.prepare([900, 700], signal);
    const asked = compiled.length;
    using section = await conditioned.section(sectionOf(golden), signal);
    const latents = inputs["hidden_states"]!.data as Float32Array;
    for (const timestep of [900, 700]) {
      velocities.push((await section.run(await section.embed(latents, timestep, signal), signal)).velocity);
    }
    assert.equal(compiled.length, asked);
  }
  assert.deepEqual(new Set(compiled), new Set(["image_projection", "condition", "token_refiner"]));
  assert.deepEqual(velocities.slice(0, 2), velocities.slice(2));
  await noting[Symbol.asyncDispose]();

  function plain() {
    return new FramePackTransformer(source, own, blocks.under(source, own, new Set()));
  }
});
