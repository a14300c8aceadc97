import assert from "node:assert/strict";
import { latentRgbOf, placeOfWeights } from "./model.ts";
import { hunyuanVideoRgb, type LatentRgbMap } from "./sampling/mod.ts";

const gibibyte = 2 ** 30;

Deno.test("placeOfWeights() keeps small models in memory and leaves large ones in their files", () => {
  assert.equal(placeOfWeights(14e6, 8 * gibibyte), "resident");
  assert.equal(placeOfWeights(25 * gibibyte, 64 * gibibyte), "mapped");
  assert.equal(placeOfWeights(25 * gibibyte, 128 * gibibyte), "resident");
  assert.equal(placeOfWeights(25 * gibibyte, Infinity), "resident");
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
