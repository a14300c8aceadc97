import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type LoraRecipe, loraTensors } from "../../../tests/lora_files.ts";
import { weightPackings, writePackedTransformer } from "../../../tests/packed_model.ts";
import { goldenDir, makeTinyModel, uniform } from "../../../tests/tiny_model.ts";
import { writeSafetensors } from "../onnx/safetensors.ts";
import { float32Tensor, type Tensor } from "../onnx/tensor.ts";
import { distanceBetween } from "../parity/distance.ts";
import { readGoldenCase } from "../parity/golden_case.ts";
import { caseExecutables, caseRuntime, forward } from "../parity/transformer_cases.ts";
import { StreamedBlocks } from "../streaming/streamed_blocks.ts";
import { FramePackTransformer, transformerSource } from "../transformer.ts";
import type { TransformerSource } from "../transformer_graphs.ts";
import type { LoraFile } from "./adapter_file.ts";
import { LoraSets } from "./lora_sets.ts";
import { mergeLoras, placeLoras } from "./merge.ts";
import { adaptersBeside, sideMatrices } from "./side_adapters.ts";

const model = await makeTinyModel("tiny-a");
const golden = {
  ...await readGoldenCase(join(goldenDir, "cases/transformer/tiny-a_f1_96x80_n20.json"), model.dir),
  modelDir: model.dir,
};
const folder = await mkdtemp(join(tmpdir(), "framecast-side-"));
Deno.test.afterAll(async () => {
  await model[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});
const original = join(model.dir, "transformer");
const source = await transformerSource(original);
const signal = new AbortController().signal;
const device = { kind: "cpu" } as const;
const placement = { dual: { resident: [0] }, single: { resident: [1, 3] } };

const { hidden } = source.config;
const matrix = (name: string, rows: number, columns: number) => {
  const next = uniform(name);
  const scale = Math.sqrt(3 / Math.max(rows, columns));
  return float32Tensor([rows, columns], Float32Array.from({ length: rows * columns }, () => next() * scale));
};

async function written(name: string, tensors: Record<string, Tensor>, strength = 1): Promise<LoraFile> {
  const file = join(folder, `${name}.safetensors`);
  await writeSafetensors(file, tensors);
  return { file, strength };
}
const loraOf = async (name: string, recipe: Omit<LoraRecipe, "format">, strength?: number) =>
  await written(name, await loraTensors(model.dir, { format: "peft", seed: name, ...recipe }), strength);

/** A joint module of HunyuanVideo, a stacked product, single layers, modulation layers, and the head's. */
const ink = await loraOf("ink", {
  modules: [
    "transformer_blocks.0.attn.to_q",
    "transformer_blocks.1.ff.net.2",
    "single_transformer_blocks.0.attn.to_k",
    "single_transformer_blocks.0.proj_mlp",
    "single_transformer_blocks.3.proj_out",
    "transformer_blocks.1.norm1.linear",
    "norm_out.linear",
  ],
});
const oil = await loraOf("oil", {
  modules: ["transformer_blocks.0.attn.to_q", "single_transformer_blocks.2.proj_mlp"],
  rank: 2,
}, -0.7);
const joint = await written("joint", {
  "lora_unet_double_blocks_1_img_attn_qkv.lora_up.weight": matrix("joint up", 3 * hidden, 3),
  "lora_unet_double_blocks_1_img_attn_qkv.lora_down.weight": matrix("joint down", 3, hidden),
}, 0.5);
const loha = await written("loha", {
  "transformer_blocks.1.attn.to_k.hada_w1_a": matrix("1a", hidden, 2),
  "transformer_blocks.1.attn.to_k.hada_w1_b": matrix("1b", 2, hidden),
  "transformer_blocks.1.attn.to_k.hada_w2_a": matrix("2a", hidden, 2),
  "transformer_blocks.1.attn.to_k.hada_w2_b": matrix("2b", 2, hidden),
}, 40);
const lokr = await written("lokr", {
  "single_transformer_blocks.1.attn.to_v.lokr_w1": matrix("w1", 2, 2),
  "single_transformer_blocks.1.attn.to_v.lokr_w2_a": matrix("w2a", hidden / 2, 2),
  "single_transformer_blocks.1.attn.to_v.lokr_w2_b": matrix("w2b", 2, hidden / 2),
}, 0.3);
/** Of what has to be merged: no low rank, and outside of the blocks. */
const wholeLokr = await written("whole lokr", {
  "single_transformer_blocks.1.attn.to_v.lokr_w1": matrix("whole w1", 2, 2),
  "single_transformer_blocks.1.attn.to_v.lokr_w2": matrix("whole w2", hidden / 2, hidden / 2),
}, 0.2);
const text = await loraOf("text", { modules: ["context_embedder.proj_in", "transformer_blocks.0.attn.to_v"] });
const biased = await written("biased", {
  ...await loraTensors(model.dir, { format: "peft", modules: ["transformer_blocks.0.ff.net.2"] }),
  "transformer.transformer_blocks.0.ff.net.2.lora_B.bias": float32Tensor([hidden], new Float32Array(hidden).fill(0.1)),
});

const sampleOf = async (transformer: FramePackTransformer) =>
  (await forward(transformer, golden, "sample"))["sample"]!.data as Float32Array;

async function plain(of: TransformerSource): Promise<Float32Array> {
  using executables = caseExecutables();
  await using blocks = new StreamedBlocks({ source: of, executables, runtime: caseRuntime(), device, placement });
  return await sampleOf(new FramePackTransformer(of, executables, blocks));
}

const merged = async (of: TransformerSource, ...loras: LoraFile[]) =>
  await plain({ ...of, checkpoint: await mergeLoras(of.checkpoint, loras) });

/** A streamed transformer under one set after the other. */
async function besides(of: TransformerSource, sets: readonly (readonly LoraFile[])[]): Promise<Float32Array[]> {
  using executables = caseExecutables();
  await using blocks = new StreamedBlocks({ source: of, executables, runtime: caseRuntime(), device, placement });
  await using loras = new LoraSets(new FramePackTransformer(of, executables, blocks), () => caseExecutables());
  const samples: Float32Array[] = [];
  for (const set of sets) samples.push(await sampleOf(await loras.transformerUnder(set, signal)));
  return samples;
}

const distance = (one: Float32Array, other: Float32Array) => distanceBetween(one, other).rel_l2;

Deno.test("adapters beside streamed blocks give what they give merged, set after set, and the base its own again", async () => {
  const sets = [[ink], [ink, oil], [joint], [loha, lokr], [wholeLokr, text, biased], []];
  const base = await plain(source);
  const samples = await besides(source, sets);
  for (const [index, set] of sets.entries()) {
    const expected = await merged(source, ...set);
    const names = set.map(({ file }) => file.split("/").at(-1));
    if (set.length > 0) assert.ok(distance(expected, base) > 0.005, `${names} change ${distance(expected, base)}`);
    assert.ok(distance(samples[index]!, expected) < 1e-5, `${names}: ${distance(samples[index]!, expected)} away`);
  }
  assert.deepEqual(samples.at(-1), base);
});

Deno.test("the same beside weights in 8 and in 4 bits, none of which is made anew", async () => {
  for (const packing of weightPackings) {
    const [packed, rounded] = [join(folder, `${packing} packed`), join(folder, `${packing} rounded`)];
    await writePackedTransformer(source.checkpoint, original, { packed, rounded }, packing);
    const [sample] = await besides(await transformerSource(packed), [[ink, oil]]);
    const expected = await merged(await transformerSource(rounded), ink, oil);
    assert.ok(distance(sample!, expected) < 1e-5, `${packing}: ${distance(sample!, expected)}`);
  }
});

Deno.test("the same beside blocks whose MLPs are cut in two", async () => {
  const [sample] = await besides({ ...source, mlpChunks: 2 }, [[ink, oil]]);
  const expected = await merged(source, ink, oil);
  assert.ok(distance(sample!, expected) < 1e-5, `${distance(sample!, expected)}`);
});

Deno.test("what has no low rank, or lies outside of the blocks, is merged; biases too", async () => {
  const beside = async (lora: LoraFile) => {
    const adapters = await placeLoras(source.checkpoint, [lora]);
    const chosen = adaptersBeside(source.config, adapters);
    return adapters.map((adapter) => chosen.has(adapter));
  };
  assert.deepEqual(await beside(ink), Array(7).fill(true));
  assert.deepEqual([await beside(joint), await beside(loha), await beside(lokr)], [[true], [true], [true]]);
  assert.deepEqual([await beside(wholeLokr), await beside(text)], [[false], [false, true]]);
  const fat = await loraOf("fat", { modules: ["transformer_blocks.0.attn.to_q"], rank: hidden });
  assert.deepEqual(await beside(fat), [false], "as large as what it stands for");
});

Deno.test("sideMatrices() takes the adapters of a stack as one", async () => {
  const adapters = await placeLoras(source.checkpoint, [ink, joint]);
  const sides = sideMatrices(adapters);
  const names = ["to_q", "to_k", "to_v"].map((name) => `transformer_blocks.1.attn.${name}.weight`);
  assert.equal(sides.rankOf(names), 3);
  assert.equal(sides.rankOf(["transformer_blocks.1.attn.to_out.0.weight"]), 0);
  const { up, down } = await sides.read(names.map((name) => ({ name, shape: [hidden, hidden] })));
  const [jointUp, jointDown] = [matrix("joint up", 3 * hidden, 3).data, matrix("joint down", 3, hidden).data];
  assert.deepEqual([up, down], [jointUp.map((value) => 0.5 * value), jointDown]);
});
