import assert from "node:assert/strict";
import { denoise, type DenoiseOptions, type VelocityModel } from "./denoise.ts";
import { torchNormal } from "./noise.ts";
import { fluxMu, sigmaSchedule } from "./schedule.ts";

const picture = torchNormal(2)(32);
const noise = torchNormal(1)(32);
const signal = new AbortController().signal;

/** The velocity that leads to `target` on a straight line from the noise. */
const towards = (target: Float32Array): VelocityModel => () =>
  Promise.resolve({ velocity: noise.map((n, i) => n - target[i]!), skipped: false });

const options = (changes: Partial<DenoiseOptions> = {}): DenoiseOptions => ({
  noise,
  sigmas: sigmaSchedule(5, fluxMu(324)),
  positive: towards(picture),
  guidance: null,
  precision: "float32",
  ...changes,
});

const assertNear = (actual: Float32Array, expected: Float32Array, difference: number) =>
  assert.ok(actual.every((value, i) => Math.abs(value - expected[i]!) < difference));

Deno.test("denoise() arrives at the picture a straight flow comes from, one event per step", async () => {
  const steps = await Array.fromAsync(denoise(options(), signal));
  assert.deepEqual(steps.map(({ step, of }) => [step, of]), [[1, 5], [2, 5], [3, 5], [4, 5], [5, 5]]);
  for (const { denoised } of steps) assertNear(denoised, picture, 1e-6);
});

Deno.test("denoise() with true guidance goes beyond the prompt's picture, away from the other's", async () => {
  const negative = towards(new Float32Array(32));
  const steps = await Array.fromAsync(denoise(options({ guidance: { negative, cfg: 2, rescale: 0 } }), signal));
  assertNear(steps.at(-1)!.denoised, picture.map((value) => 2 * value), 1e-5);
});

Deno.test("denoise() in bfloat16 rounds the state and the timestep, not the result", async () => {
  const seen: { latents: Float32Array; timestep: number }[] = [];
  const positive: VelocityModel = (latents, timestep, stop) => {
    seen.push({ latents, timestep });
    return towards(picture)(latents, timestep, stop);
  };
  const steps = await Array.fromAsync(denoise(options({ positive, precision: "bfloat16" }), signal));
  for (const { latents, timestep } of seen) {
    assert.ok(
      [timestep, ...latents].every((value) => (new Uint32Array(Float32Array.of(value).buffer)[0]! & 0xffff) === 0),
    );
  }
  assert.ok(
    steps.at(-1)!.denoised.some((value) => (new Uint32Array(Float32Array.of(value).buffer)[0]! & 0xffff) !== 0),
  );
});

Deno.test("denoise() tells which steps were skipped", async () => {
  const negative: VelocityModel = async (...args) => ({ ...await towards(picture)(...args), skipped: true });
  let calls = 0;
  const positive: VelocityModel = async (...args) => ({ ...await towards(picture)(...args), skipped: calls++ === 1 });
  const steps = await Array.fromAsync(
    denoise(options({ positive, guidance: { negative, cfg: 2, rescale: 0 } }), signal),
  );
  assert.deepEqual(steps.map(({ skipped }) => skipped), [false, true, false, false, false]);
});

Deno.test("denoise() throws the signal's reason and calls the model no more", async () => {
  const stop = new AbortController();
  let calls = 0;
  const positive: VelocityModel = (...args) => (calls++, towards(picture)(...args));
  const reason = new Error("stopped by the user");
  await assert.rejects(async () => {
    for await (const { step } of denoise(options({ positive }), stop.signal)) {
      if (step === 2) stop.abort(reason);
    }
  }, reason);
  assert.equal(calls, 2);
});
