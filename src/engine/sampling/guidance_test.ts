import assert from "node:assert/strict";
import { denoisedOfVelocity, guidedVelocity } from "./guidance.ts";

const positive = Float32Array.of(1, 2, 3, 6);
const negative = Float32Array.of(1, 1, 1, 1);

Deno.test("guidedVelocity() goes cfg times as far from the negative prediction", () => {
  assert.deepEqual([...guidedVelocity(positive, negative, 3, 0)], [1, 4, 7, 16]);
  assert.deepEqual(guidedVelocity(positive, negative, 1, 0), positive);
});

Deno.test("guidedVelocity() rescaled fully has the spread of the positive prediction", () => {
  const deviation = (values: Float32Array) => {
    const mean = values.reduce((sum, v) => sum + v, 0) / values.length;
    return Math.sqrt(values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / (values.length - 1));
  };
  const full = guidedVelocity(positive, negative, 3, 1);
  assert.ok(Math.abs(deviation(full) - deviation(positive)) < 1e-6);
  const half = guidedVelocity(positive, negative, 3, 0.5);
  // Halfway between 1/3 and 1 of the guided prediction.
  assert.ok([...half].every((v, i) => Math.abs(v - [1, 4, 7, 16][i]! * 2 / 3) < 1e-6));
});

Deno.test("denoisedOfVelocity() removes sigma times the velocity", () => {
  assert.deepEqual([...denoisedOfVelocity(Float32Array.of(1, 2), Float32Array.of(4, -4), 0.25)], [0, 3]);
});
