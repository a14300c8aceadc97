/**
 * A transformer whose file holds matrices in 8 or 4 bits computes what the same numbers in float32 do: in one graph, block by
 * block, and under an adapter.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { readModelSizes } from "../src/engine/memory/mod.ts";
import { inspectWeights } from "../src/engine/model_inspection.ts";
import { ExecutableCache } from "../src/engine/onnx/executable_cache.ts";
import { type Checkpoint, openCheckpoint, withWeights } from "../src/engine/onnx/safetensors.ts";
import { gather } from "../src/engine/onnx/operators.ts";
import { distanceBetween } from "../src/engine/parity/distance.ts";
import { readGoldenCase } from "../src/engine/parity/golden_case.ts";
import { caseExecutables, caseRuntime, forward, sectionOf } from "../src/engine/parity/transformer_cases.ts";
import { blocksOf } from "../src/engine/streaming/known_blocks.ts";
import { StreamedBlocks } from "../src/engine/streaming/streamed_blocks.ts";
import { FramePackTransformer, transformerSource } from "../src/engine/transformer.ts";
import type { TransformerSource } from "../src/engine/transformer_graphs.ts";
import { packedNames, weightPackings, writePackedTransformer } from "./packed_model.ts";
import { goldenDir, makeTinyModel } from "./tiny_model.ts";
import { runOnce } from "./tiny_network.ts";

const model = await makeTinyModel("tiny-a");
const golden = {
  ...await readGoldenCase(join(goldenDir, "cases/transformer/tiny-a_f1_96x80_n20.json"), model.dir),
  modelDir: model.dir,
};
Deno.test.afterAll(async () => await model[Symbol.asyncDispose]());

const original = join(model.dir, "transformer");
/** The repack and the same numbers in float32. */
const packings = await Promise.all(
  weightPackings.map(async (packing) => {
    const [packed, rounded] = [join(model.dir, `${packing} packed`), join(model.dir, `${packing} rounded`)];
    await writePackedTransformer(await openCheckpoint(original), original, { packed, rounded }, packing);
    return { packing, packed: await transformerSource(packed), rounded: await transformerSource(rounded) };
  }),
);

async function sampleOf(transformer: FramePackTransformer): Promise<Float32Array> {
  return (await forward(transformer, golden, "sample"))["sample"]!.data as Float32Array;
}

async function inOneGraph(
  source: TransformerSource,
  weights: "resident" | "mapped" = "resident",
): Promise<Float32Array> {
  using executables = new ExecutableCache(caseRuntime(), { device: { kind: "cpu" }, weights, idleThreads: "sleep" });
  return await sampleOf(new FramePackTransformer(source, executables));
}

/** Every second block streamed. */
async function blockByBlock(source: TransformerSource): Promise<Float32Array> {
  using executables = caseExecutables();
  const placement = { dual: { resident: [0] }, single: { resident: [1, 3] } };
  const device = { kind: "cpu" } as const;
  await using blocks = new StreamedBlocks({ source, executables, runtime: caseRuntime(), device, placement });
  const transformer = new FramePackTransformer(source, executables, blocks);
  await transformer.warm(sectionOf(golden).shape);
  return await sampleOf(transformer);
}

const distance = (one: Float32Array, other: Float32Array) => distanceBetween(one, other).rel_l2;
/** Of two orders of the same float32 sums. */
const rounding = 2e-6;

for (const { packing, packed, rounded } of packings) {
  Deno.test(`matrices packed ${packing} give what the same numbers in float32 give`, async () => {
    assert.ok(packedNames(packed.checkpoint).length > 40);
    assert.equal(packedNames(rounded.checkpoint).length, 0);
    const [expected, whole] = [await inOneGraph(rounded), await inOneGraph(packed)];
    assert.ok(distance(whole, expected) < rounding, `${distance(whole, expected)} in one graph`);
    const mapped = await inOneGraph(packed, "mapped");
    assert.ok(distance(mapped, expected) < rounding, `${distance(mapped, expected)} read from the file`);
    const away = distance(expected, golden.outputs["sample"]!.tensor.data as Float32Array);
    assert.ok(away > 1e-3, "fewer bits are no float32");
    const streamed = await blockByBlock(packed);
    assert.ok(distance(streamed, expected) < rounding, `${distance(streamed, expected)} block by block`);
    const cut = await blockByBlock({ ...packed, mlpChunks: 2 });
    assert.ok(distance(cut, expected) < rounding, `${distance(cut, expected)} with MLPs cut in two`);
  });

  Deno.test(`blocks packed ${packing} are moved as they lie in the file`, () => {
    const sizes = ({ checkpoint, config }: TransformerSource) =>
      blocksOf({ config, checkpoint, computeDType: "bfloat16" }).map(({ layout }) => layout.sizeBytes);
    const [inFile, inBfloat16] = [sizes(packed), sizes(rounded)];
    const most = packing === "4-bit" ? 0.4 : 0.65; // biases are as they were
    for (const [index, sizeBytes] of inFile.entries()) {
      assert.ok(sizeBytes < most * inBfloat16[index]!, `${sizeBytes} of ${inBfloat16[index]} bytes`);
    }
  });

  Deno.test(`matrices packed ${packing} in bfloat16 arithmetic are as near as bfloat16 is`, async () => {
    const inBfloat16 = { computeDType: "bfloat16", arithmetic: "emulated" } as const;
    const exact = await inOneGraph(rounded);
    const [whole, streamed, likewise] = [
      await inOneGraph({ ...packed, ...inBfloat16 }),
      await blockByBlock({ ...packed, ...inBfloat16 }),
      await inOneGraph({ ...rounded, ...inBfloat16 }),
    ];
    const away = distance(likewise, exact);
    for (const sample of [whole, streamed]) {
      assert.ok(distance(sample, exact) < 1.2 * away, `${distance(sample, exact)}`);
    }
  });
}

/** Weights of one block changed, as a merged adapter leaves them. */
async function adapted(base: Checkpoint): Promise<Checkpoint> {
  const names = ["transformer_blocks.1.attn.to_q.weight", "single_transformer_blocks.2.proj_mlp.weight"];
  const changed = await Promise.all(names.map(async (name) => {
    const data = (await base.readFloat32(name)).map((value) => value * 1.25);
    return [name, { shape: base.get(name).shape, data }] as const;
  }));
  return withWeights(base, new Map(changed));
}

Deno.test("blocks of which an adapter has changed one are served together", async () => {
  for (const { packed, rounded } of packings) {
    const under = async (source: TransformerSource) => ({ ...source, checkpoint: await adapted(source.checkpoint) });
    const expected = await inOneGraph(await under(rounded));
    assert.ok(distance(expected, await inOneGraph(rounded)) > 1e-4);
    assert.ok(distance(await inOneGraph(await under(packed)), expected) < rounding);
    assert.ok(distance(await blockByBlock(await under(packed)), expected) < rounding);
  }
});

for (
  const [packing, dtypes, bytesPerNumber, hasScales] of [
    ["8-bit scaled", ["float32", "float8e4m3fn"], 1, true],
    ["4-bit", ["float32", "int4"], 0.5, false],
  ] as const
) {
  Deno.test(`the planner and pull know a repack in ${packing} for what it is`, async () => {
    const dir = join(model.dir, `repack ${packing}`);
    await Deno.mkdir(dir);
    for (const part of ["vae", "text_encoder", "text_encoder_2", "image_encoder"]) {
      await Deno.symlink(join(model.dir, part), join(dir, part));
    }
    await Deno.symlink(join(model.dir, `${packing} packed`), join(dir, "transformer"));
    const { transformer } = await readModelSizes(dir);
    assert.deepEqual([transformer.bytesPerNumber, transformer.hasScales], [bytesPerNumber, hasScales]);
    const report = (await inspectWeights(dir, "transformer"))!;
    assert.deepEqual(report, { ...report, dtypes, refusal: null });
  });
}

Deno.test("rows of an 8-bit table are picked, with and without a scale", async () => {
  const table = { shape: [3, 2], source: { bytes: Uint8Array.of(0x38, 0xb8, 0, 1, 0x7e, 0xfe) } };
  const weights: Checkpoint = {
    get: (name) => ({ ...table, dtype: "float8e4m3fn", name, ...(name === "scaled" ? { scale: 0.5 } : {}) }),
    has: () => true,
    names: () => ["bare", "scaled"],
    readFloat32: () => assert.fail("no weight is read"),
    metadata: {},
  };
  const rows = await runOnce(weights, (m, graph) => {
    const ids = graph.input("ids", [2], "int64");
    for (const name of weights.names()) graph.output(`${name} rows`, gather(m, m.storedWeight(name, [3, 2]), ids));
  }, { ids: { dtype: "int64", shape: [2], data: BigInt64Array.of(2n, 0n) } });
  assert.deepEqual([...rows["bare rows"]!.data], [448, -448, 1, -1]);
  assert.deepEqual([...rows["scaled rows"]!.data], [224, -224, 0.5, -0.5]);
});
