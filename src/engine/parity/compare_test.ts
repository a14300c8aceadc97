import assert from "node:assert/strict";
import { compareCase, compareTensor } from "./compare.ts";
import type { GoldenCase, GoldenTensor } from "./golden_case.ts";

const tensor = (...values: number[]): GoldenTensor => ({ shape: [values.length], data: Float32Array.from(values) });
const bytes = (...values: number[]): GoldenTensor => ({ shape: [values.length], data: Uint8Array.from(values) });
const passes = (comparison: { readonly problems: readonly string[] }) => comparison.problems.length === 0;

Deno.test("compareTensor() allows atol + rtol times the expected value, and no more", () => {
  const tolerance = { atol: 0.5, rtol: 0.25 };
  assert.ok(passes(compareTensor(tensor(0.5, 5.5), tensor(0, 4), tolerance)));
  assert.ok(!passes(compareTensor(tensor(0.5, 5.75), tensor(0, 4), tolerance)));
});

Deno.test("compareTensor() with zero tolerance means equality", () => {
  assert.ok(passes(compareTensor(tensor(1, 2), tensor(1, 2), { atol: 0, rtol: 0 })));
  assert.ok(!passes(compareTensor(tensor(1, 2 + 2 ** -22), tensor(1, 2), { atol: 0, rtol: 0 })));
});

Deno.test("compareTensor() holds the relative L2 distance over the whole tensor", () => {
  const tolerance = { atol: 1, rtol: 0, "rel_l2": 0.1 };
  assert.ok(passes(compareTensor(tensor(3, 4.4), tensor(3, 4), tolerance)));
  assert.ok(!passes(compareTensor(tensor(3, 4.6), tensor(3, 4), tolerance)));
});

Deno.test("compareTensor() bounds the share of values that differ at all", () => {
  const tolerance = { atol: 1, rtol: 0, "max_fraction_different": 0.25 };
  assert.ok(passes(compareTensor(bytes(1, 2, 3, 5), bytes(1, 2, 3, 4), tolerance)));
  assert.ok(!passes(compareTensor(bytes(1, 2, 4, 5), bytes(1, 2, 3, 4), tolerance)));
});

Deno.test("compareTensor() fails on NaN, on another shape and on another length", () => {
  const wide = { atol: Infinity, rtol: 0 };
  assert.ok(!passes(compareTensor(tensor(NaN), tensor(1), wide)));
  assert.ok(Number.isNaN(compareTensor(tensor(NaN, 3), tensor(1, 1), wide).maxDifference));
  assert.ok(!passes(compareTensor({ ...tensor(1, 2), shape: [2, 1] }, tensor(1, 2), wide)));
  assert.ok(!passes(compareTensor({ ...tensor(1), shape: [2] }, tensor(1, 2), wide)));
});

const golden = (changes: Partial<GoldenCase>): GoldenCase => ({
  component: "c",
  name: "n",
  modelDir: null,
  params: {},
  inputs: {},
  outputs: {},
  expect: {},
  ...changes,
});
const expected = (value: number, atol: number) => ({ tensor: tensor(value), tolerance: { atol, rtol: 0 } });

Deno.test("compareCase() reports the output that is nearest to its tolerance", () => {
  const outputs = { a: expected(1, 10), b: expected(1, 0.5) };
  const result = compareCase(golden({ outputs }), { tensors: { a: tensor(3), b: tensor(1.25) } });
  assert.deepEqual(result, { problems: [], maxDifference: 0.25, tolerance: 0.5 });
});

Deno.test("compareCase() fails when an output, an expectation or everything is missing", () => {
  const one = golden({ outputs: { a: expected(1, 0) }, expect: { ids: [1] } });
  assert.ok(passes(compareCase(one, { tensors: { a: tensor(1) }, expect: { ids: [1] } })));
  assert.ok(!passes(compareCase(one, { expect: { ids: [1] } })));
  assert.ok(!passes(compareCase(one, { tensors: { a: tensor(1) } })));
  assert.ok(!passes(compareCase(golden({}), {})));
});
