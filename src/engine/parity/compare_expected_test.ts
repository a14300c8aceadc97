import assert from "node:assert/strict";
import { compareExpected } from "./compare_expected.ts";

const passes = (expected: Record<string, unknown>, actual: Record<string, unknown>) =>
  compareExpected(expected, actual).length === 0;

Deno.test("compareExpected() compares lists and objects exactly", () => {
  const expected = { rows: [{ id: 1, ok: true, name: "a" }, { id: null }] };
  assert.ok(passes(expected, { rows: [{ id: 1, ok: true, name: "a", more: 1 }, { id: null }] }));
  assert.ok(!passes(expected, { rows: [{ id: 1, ok: true, name: "a" }, { id: 0 }] }));
  assert.ok(!passes(expected, { rows: [{ id: 1, ok: true, name: "a" }] }));
  assert.ok(!passes(expected, { rows: [{ id: 1, ok: false, name: "a" }, { id: null }] }));
  assert.ok(!passes(expected, {}));
});

Deno.test("compareExpected() uses the record's own tolerance for the numbers it names", () => {
  const expected = { rows: [{ seq: 1, mu: 0.5 }], tolerance: { mu: 1e-3 } };
  assert.ok(passes(expected, { rows: [{ seq: 1, mu: 0.5009 }] }));
  assert.ok(!passes(expected, { rows: [{ seq: 1, mu: 0.502 }] }));
  assert.ok(!passes(expected, { rows: [{ seq: 1.0001, mu: 0.5 }] }));
  assert.ok(!passes(expected, { rows: [{ seq: 1, mu: NaN }] }));
});

Deno.test("compareExpected() allows a bfloat16 run twice the reference's distance", () => {
  const expected = { "bf16_to_fp32": { sample: { "rel_l2": 0.01, "max_abs": 1 }, "per_step": [0.01, 0.02] } };
  assert.ok(passes(expected, { "bf16_to_fp32": { sample: { "rel_l2": 0.02 }, "per_step": [0, 0.04] } }));
  assert.ok(!passes(expected, { "bf16_to_fp32": { sample: { "rel_l2": 0.021 }, "per_step": [0, 0.04] } }));
  assert.ok(!passes(expected, { "bf16_to_fp32": { sample: { "rel_l2": 0.01 }, "per_step": [0, 0.05] } }));
  assert.ok(!passes(expected, { "bf16_to_fp32": { sample: { "rel_l2": NaN }, "per_step": [0, 0] } }));
  assert.ok(!passes(expected, {}));
});

Deno.test("compareExpected() lets distances differ by less than the margin that could flip a decision", () => {
  const expected = { distances: [{ step: 1, accumulated: 0.2 }], "smallest_margin_to_threshold": 0.01 };
  assert.ok(passes(expected, { distances: [{ step: 1, accumulated: 0.205 }] }));
  assert.ok(!passes(expected, { distances: [{ step: 1, accumulated: 0.211 }] }));
  assert.ok(!passes(expected, { distances: [] }));
  assert.ok(!passes(expected, {}));
});
