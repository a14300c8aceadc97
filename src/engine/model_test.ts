import assert from "node:assert/strict";
import { writePackedTransformer } from "../../tests/packed_model.ts";
import { makeTinyModel } from "../../tests/tiny_model.ts";
import { float32Bytes, latentRgbOf, placeOfWeights } from "./model.ts";
import { openCheckpoint } from "./onnx/safetensors.ts";
import { hunyuanVideoRgb, type LatentRgbMap } from "./sampling/mod.ts";

const gibibyte = 2 ** 30;

Deno.test("placeOfWeights() keeps small models in memory and leaves large ones in their files", () => {
  assert.equal(placeOfWeights(28e6, 8 * gibibyte), "resident");
  assert.equal(placeOfWeights(50 * gibibyte, 64 * gibibyte), "mapped");
  assert.equal(placeOfWeights(50 * gibibyte, 128 * gibibyte), "resident");
  assert.equal(placeOfWeights(50 * gibibyte, Infinity), "resident");
});

Deno.test("float32Bytes() counts numbers, whatever each is stored in", async () => {
  await using model = await makeTinyModel("tiny-a");
  const inFloat32 = await float32Bytes(model.dir);
  const folder = `${model.dir}/transformer`;
  const [packed, rounded] = [`${model.dir}/in 8 bits`, `${model.dir}/in 32`];
  await writePackedTransformer(await openCheckpoint(folder), folder, { packed, rounded }, "8-bit scaled");
  await Deno.remove(folder, { recursive: true });
  await Deno.rename(packed, folder);
  assert.equal(await float32Bytes(model.dir), inFloat32);
});

Deno.test("latentRgbOf() is the manifest's map, else the published one for the published autoencoder alone", () => {
  const own: LatentRgbMap = { factors: Array.from({ length: 16 }, () => [1, 0, 0] as const), bias: [0, 0, 0] };
  const published = { blockChannels: [128, 256, 512, 512] };
  const small = { blockChannels: [8, 16, 32, 64] };
  assert.equal(latentRgbOf({ latentRgb: own }, small), own);
  assert.equal(latentRgbOf({ latentRgb: own }, published), own);
  assert.equal(latentRgbOf({ latentRgb: undefined }, published), hunyuanVideoRgb);
  assert.equal(latentRgbOf({ latentRgb: undefined }, small), null);
});
