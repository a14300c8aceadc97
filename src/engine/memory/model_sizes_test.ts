import assert from "node:assert/strict";
import { publishedModelTensors } from "../../../bench/published_model.ts";
import { openCheckpoint } from "../onnx/safetensors.ts";
import { modelSizes } from "./model_sizes.ts";
import { publishedSizes } from "./published_sizes.ts";

const tensors = publishedModelTensors();
const sizes = modelSizes(tensors);
const bytesOfBlock = (kind: "dual" | "single") => {
  const { matrixNumbers, vectorNumbers, modulationNumbers } = sizes.transformer[kind][0]!;
  return { withoutModulation: 2 * (matrixNumbers + vectorNumbers), modulation: 2 * modulationNumbers };
};

// The numbers are those of the published files: model cards, `total_size` of their indices, and sizes of their tensors.

Deno.test("modelSizes() finds the 20 dual and 40 single blocks of the published transformer, byte for byte", () => {
  const { dual, single, conditioningBytes, embeddingBytes } = sizes.transformer;
  assert.deepEqual([dual.length, single.length], [20, 40]);
  assert.deepEqual(bytesOfBlock("dual"), { withoutModulation: 453_096_448, modulation: 226_566_144 });
  assert.deepEqual(bytesOfBlock("single"), { withoutModulation: 226_542_080, modulation: 56_641_536 });
  const blocks = 20 * (453_096_448 + 226_566_144) + 40 * (226_542_080 + 56_641_536);
  assert.equal(blocks + conditioningBytes + embeddingBytes, 25_748_629_632);
  // Query, key, value and the way into the MLP; the MLP's matrices of one stream.
  assert.equal(single[0]!.largestProductNumbers, 3072 * 21_504);
  assert.equal(dual[0]!.largestProductNumbers, 3072 * 12_288);
  const { hidden, mlpHidden, heads, headDim, bytesPerNumber } = sizes.transformer;
  assert.deepEqual([hidden, mlpHidden, heads, headDim, bytesPerNumber], [3072, 12_288, 24, 128, 2]);
});

Deno.test("modelSizes() leaves out what is not run: LLaMA's last two layers, SigLIP's head", () => {
  assert.equal(sizes.llama.layerBytes, 436_224_000);
  assert.equal(sizes.llama.bytes, 30 * 436_224_000 + 1_051_197_440);
  assert.equal(sizes.clip.bytes, 2 * 123_060_480);
  const head = 1152 + 3456 * 1152 + 3456 + 1152 * 1152 + 3 * 1152 + 2 * 4304 * 1152 + 4304 + 1152;
  assert.equal(sizes.siglip.bytes, 2 * (428_225_600 - head));
});

Deno.test("modelSizes() tells the autoencoder's two halves apart", () => {
  assert.equal(tensors.vae.names().length, 248);
  assert.deepEqual(sizes.vae, {
    blockChannels: [128, 256, 512, 512],
    encoderNumbers: 100_342_464,
    decoderNumbers: 146_136_339,
  });
});

Deno.test("modelSizes() reads the headers of a real folder", async () => {
  const open = (part: string) => openCheckpoint(new URL(`../../../models/emoji/${part}`, import.meta.url).pathname);
  const [transformer, vae, llama, clip, siglip] = await Promise.all(
    ["transformer", "vae", "text_encoder", "text_encoder_2", "image_encoder"].map(open),
  );
  const { transformer: t } = modelSizes({
    transformer: transformer!,
    vae: vae!,
    llama: llama!,
    clip: clip!,
    siglip: siglip!,
  });
  const numbers = [...t.dual, ...t.single]
    .reduce((sum, block) => sum + block.matrixNumbers + block.vectorNumbers + block.modulationNumbers, 0);
  const inFile = transformer!.names().reduce(
    (sum, name) => sum + transformer!.get(name).shape.reduce((product, size) => product * size, 1),
    0,
  );
  assert.equal(numbers * t.bytesPerNumber + t.conditioningBytes + t.embeddingBytes, inFile * t.bytesPerNumber);
});

Deno.test("publishedSizes are those of the published tensors", () => {
  assert.deepEqual(publishedSizes, sizes);
});
