import assert from "node:assert/strict";
import { placeOfWeights } from "./model.ts";

const gibibyte = 2 ** 30;

Deno.test("placeOfWeights() keeps small models in memory and leaves large ones in their files", () => {
  assert.equal(placeOfWeights(14e6, 8 * gibibyte), "resident");
  assert.equal(placeOfWeights(25 * gibibyte, 64 * gibibyte), "mapped");
  assert.equal(placeOfWeights(25 * gibibyte, 128 * gibibyte), "resident");
  assert.equal(placeOfWeights(25 * gibibyte, Infinity), "resident");
});
