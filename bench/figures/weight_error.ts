/**
 * What coarser weights cost: how far a forward pass is from the one with the weights in bfloat16, everything else in float32.
 * On the tiny random models of the golden cases; a trained network may stand nearer or further.
 * @module
 */
import { join } from "node:path";
import { roundToBfloat16 } from "../../src/engine/onnx/tensor.ts";
import { type Checkpoint, withWeights } from "../../src/engine/onnx/safetensors.ts";
import { distanceBetween } from "../../src/engine/parity/distance.ts";
import { readGoldenCase } from "../../src/engine/parity/golden_case.ts";
import { caseExecutables, forward } from "../../src/engine/parity/transformer_cases.ts";
import { type PackedBits, planPacking, writePacked } from "../../src/engine/pack_transformer.ts";
import { FramePackTransformer, transformerSource } from "../../src/engine/transformer.ts";
import type { TransformerSource } from "../../src/engine/transformer_graphs.ts";
import { writePackedTransformer } from "../../tests/packed_model.ts";
import { goldenDir, makeTinyModel, type TinyModelName } from "../../tests/tiny_model.ts";
import type { Figure, Measurement } from "../figure.ts";

export const weightError: Figure = {
  name: "weight-error",
  what: "8-bit and 4-bit weights against bfloat16 ones",
  measure,
};

const cases: Readonly<Record<TinyModelName, string>> = {
  "tiny-a": "transformer/tiny-a_f1_96x80_n20.json",
  "tiny-h128": "transformer/tiny-h128_f1_64x64_n12_taps.json",
};

async function* measure(): AsyncGenerator<Measurement> {
  for (const name of Object.keys(cases) as TinyModelName[]) {
    await using model = await makeTinyModel(name);
    const velocity = (source: TransformerSource) => velocityOf(source, model.dir, cases[name]);
    const transformer = join(model.dir, "transformer");
    const source = await transformerSource(transformer);
    const inBfloat16 = { ...source, checkpoint: await inBfloat16Weights(source.checkpoint) };
    const [exact, reference] = [await velocity(source), await velocity(inBfloat16)];
    const bfloat16 = distanceBetween(reference, exact).rel_l2;
    for (const [packing, pack] of Object.entries(packings)) {
      const folder = join(model.dir, packing);
      await pack(inBfloat16.checkpoint, transformer, folder);
      const distance = distanceBetween(await velocity(await transformerSource(folder)), reference);
      yield {
        figure: `${name}: ${packing}, relative distance of a forward pass from the one with weights in bfloat16`,
        value: distance.rel_l2,
        unit: "",
        detail: { distance, "bfloat16 weights against those of the file": bfloat16 },
      };
    }
  }
}

type Pack = (checkpoint: Checkpoint, like: string, folder: string) => Promise<void>;

const packings: Readonly<Record<string, Pack>> = {
  "all matrices in 8 bits as they are, as in repacks": (checkpoint, like, packed) =>
    writePackedTransformer(checkpoint, like, { packed, rounded: `${packed} rounded` }, "8-bit as they are"),
  "the blocks in 8 bits by `pack`": packedBy(8),
  "the blocks in 4 bits by `pack --bits 4`": packedBy(4),
};

function packedBy(bits: PackedBits): Pack {
  return async (checkpoint, like, folder) => {
    await Deno.mkdir(folder);
    await Deno.copyFile(join(like, "config.json"), join(folder, "config.json"));
    const file = join(folder, "diffusion_pytorch_model.safetensors");
    for await (const _ of writePacked(planPacking(checkpoint, bits), file, new AbortController().signal));
  };
}

async function velocityOf(source: TransformerSource, modelDir: string, golden: string): Promise<Float32Array> {
  using executables = caseExecutables();
  const recorded = { ...await readGoldenCase(join(goldenDir, "cases", golden), modelDir), modelDir };
  const { sample } = await forward(new FramePackTransformer(source, executables), recorded, "sample");
  return sample!.data as Float32Array;
}

async function inBfloat16Weights(base: Checkpoint): Promise<Checkpoint> {
  const weights = await Promise.all(
    base.names().map(async (name) => {
      const data = roundToBfloat16(await base.readFloat32(name));
      return [name, { shape: base.get(name).shape, data }] as const;
    }),
  );
  return withWeights(base, new Map(weights));
}
