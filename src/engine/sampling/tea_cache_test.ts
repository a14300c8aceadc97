import assert from "node:assert/strict";
import { type CacheableModel, estimatedChange, relativeChange, withTeaCache } from "./tea_cache.ts";

const signal = new AbortController().signal;

/** A model that writes down which of its parts ran; `changes` are what its tokens change by at each step. */
function recordingModel(changes: readonly number[]) {
  const calls: string[] = [];
  let step = -1;
  const model: CacheableModel<number, string> = {
    embed: () => Promise.resolve(++step),
    change: (now, before) => {
      assert.equal(now, before + 1);
      return changes[now]!;
    },
    run: (embedded) => {
      calls.push(`run ${embedded}`);
      return Promise.resolve({ velocity: Float32Array.of(embedded), residual: `residual ${embedded}` });
    },
    reuse: (embedded, residual) => {
      calls.push(`reuse ${residual}`);
      return Promise.resolve(Float32Array.of(embedded));
    },
  };
  return { model, calls };
}

async function sample(steps: number, threshold: number, changes: readonly number[]) {
  const { model, calls } = recordingModel(changes);
  const velocity = withTeaCache(model, { steps, threshold });
  const skipped = [];
  for (let i = 0; i < steps; i++) skipped.push((await velocity(new Float32Array(0), 0, signal)).skipped);
  return { calls, skipped };
}

Deno.test("withTeaCache() computes the first and the last step and skips while the estimates stay below the threshold", async () => {
  const half = 0.06; // estimates to 0.073
  assert.ok(estimatedChange(half) > 0.07 && estimatedChange(half) < 0.075);
  const { calls, skipped } = await sample(6, 0.15, Array(6).fill(half));
  assert.deepEqual(skipped, [false, true, true, false, true, false]);
  assert.deepEqual(calls, [
    "run 0",
    "reuse residual 0",
    "reuse residual 0",
    "run 3",
    "reuse residual 3",
    "run 5",
  ]);
});

Deno.test("withTeaCache() computes when the estimates reach the threshold exactly", async () => {
  const { skipped } = await sample(3, estimatedChange(0.06), Array(3).fill(0.06));
  assert.deepEqual(skipped, [false, false, false]);
});

Deno.test("withTeaCache() off compares nothing", async () => {
  const { model } = recordingModel([]);
  const velocity = withTeaCache({ ...model, change: () => assert.fail("compared") }, { steps: 3, threshold: 0 });
  for (let i = 0; i < 3; i++) assert.equal((await velocity(new Float32Array(0), 0, signal)).skipped, false);
});

Deno.test("relativeChange() is the mean change by the mean size", () => {
  assert.equal(relativeChange(Float32Array.of(1, -2), Float32Array.of(2, -2)), 0.25);
});

Deno.test("estimatedChange() equals the published polynomial", () => {
  assert.ok(Math.abs(estimatedChange(0.25795474648475647) - 0.14212993358726256) < 1e-12);
  assert.ok(Math.abs(estimatedChange(0.39199674129486084) - 2.39760586282617) < 1e-12);
});
