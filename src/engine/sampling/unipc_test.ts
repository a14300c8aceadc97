import assert from "node:assert/strict";
import { sigmaSchedule } from "./schedule.ts";
import { type DenoisedModel, unipc, type UniPcVariant } from "./unipc.ts";

const mu = Math.log(7);
const noise = Float32Array.of(1, -0.5, 0.25, 2);
const model: DenoisedModel = (x, sigma) => Promise.resolve(x.map((v) => 0.7 * Math.tanh(v) + 0.1 * sigma));

const run = (steps: number, variant?: UniPcVariant) =>
  Array.fromAsync(unipc(model, noise, sigmaSchedule(steps, mu), variant));

function assertNear(actual: Iterable<number>, expected: readonly number[]) {
  const numbers = [...actual];
  for (const [i, value] of expected.entries()) assert.ok(Math.abs(numbers[i]! - value) < 1e-6, `${numbers} ${i}`);
}

Deno.test("unipc() equals the published sampler on an analytic model, 4 steps", async () => {
  assertNear((await run(4)).at(-1)!.denoised, [0.5640084, -0.2042766, 0.2425399, 0.7175770]);
});

Deno.test("unipc() equals the published sampler on an analytic model, 25 steps", async () => {
  const steps = await run(25);
  assertNear(steps.slice(0, 3).map(({ denoised }) => denoised[0]!), [0.633116, 0.631885, 0.630556]);
  assertNear(steps.at(-1)!.denoised, [0.3958486, -0.1479239, 0.1711105, 0.5359187]);
});

Deno.test("unipc() calls the model once per step, one step at a time", async () => {
  for (const steps of [1, 2, 3, 7]) {
    let calls = 0;
    const counted: DenoisedModel = (...args) => (calls++, model(...args));
    let read = 0;
    for await (const { stepIndex } of unipc(counted, noise, sigmaSchedule(steps, mu))) {
      assert.equal(stepIndex, read++);
      assert.equal(calls, read);
    }
    assert.equal(read, steps);
  }
});

Deno.test("unipc() is exact, in both variants, when the model always gives the same picture", async () => {
  const picture = Float32Array.of(0.3, -1, 2, 0);
  const sigmas = sigmaSchedule(12, mu);
  for (const variant of ["bh1", "bh2"] as const) {
    for await (const { sigma, latents } of unipc(() => Promise.resolve(picture), noise, sigmas, variant)) {
      // The flow's straight line: x = σ · noise + (1 − σ) · picture.
      assertNear(latents, [...picture].map((p, i) => sigma * noise[i]! + (1 - sigma) * p));
    }
  }
});

Deno.test("unipc() leaves the noise as it was", async () => {
  const own = noise.slice();
  await Array.fromAsync(unipc(model, own, sigmaSchedule(5, mu)));
  assert.deepEqual(own, noise);
});
