import assert from "node:assert/strict";
import { fluxMu, guidanceInput, linspace, muOfShift, noisyTokens, sigmaSchedule, timestepOfSigma } from "./schedule.ts";

// FramePack's own numbers for 25 steps at the largest shift.
const sigmas25 = [
  [1.00000000, 0.99408275, 0.98773009, 0.98089170, 0.97350997, 0.96551722, 0.95683455, 0.94736844, 0.93700784],
  [0.92561978, 0.91304350, 0.89908254, 0.88349515, 0.86597931, 0.84615386, 0.82352942, 0.79746836, 0.76712328],
  [0.73134327, 0.68852454, 0.63636363, 0.57142854, 0.48837206, 0.37837839, 0.22580644, 0],
].flat();
const timesteps25 = [
  [1000, 996, 988, 980, 972, 964, 956, 948, 936, 924, 912, 900, 884],
  [864, 848, 824, 796, 768, 732, 688, 636, 572, 488, 378, 226],
].flat();

Deno.test("sigmaSchedule() equals the published 25 steps bit for bit", () => {
  assert.deepEqual(sigmaSchedule(25, fluxMu(13464)), Float32Array.from(sigmas25));
});

Deno.test("timestepOfSigma() rounds to bfloat16 as the published model is told", () => {
  const sigmas = sigmaSchedule(25, fluxMu(13464)).slice(0, -1);
  assert.deepEqual([...sigmas].map((sigma) => timestepOfSigma(sigma, "bfloat16")), timesteps25);
});

Deno.test("sigmaSchedule() begins at 1, falls, and ends at 0 for every length", () => {
  for (let steps = 1; steps <= 100; steps++) {
    const sigmas = sigmaSchedule(steps, muOfShift(3));
    assert.equal(sigmas.length, steps + 1);
    assert.deepEqual([sigmas[0], sigmas.at(-1)], [1, 0]);
    assert.ok(sigmas.every((sigma, i) => i === 0 || sigma < sigmas[i - 1]!));
  }
});

Deno.test("fluxMu() grows with the window and is capped at ln 7", () => {
  assert.equal(fluxMu(256), 0.5);
  assert.ok(Math.abs(fluxMu(4096) - 1.15) < 1e-12);
  assert.ok(fluxMu(8797) < Math.log(7));
  assert.equal(fluxMu(8798), Math.log(7));
  assert.equal(noisyTokens(9, 12, 12), 324);
});

Deno.test("guidanceInput() of 10 is 9984 in bfloat16", () => {
  assert.equal(guidanceInput(10, "bfloat16"), 9984);
  assert.equal(guidanceInput(10, "float32"), 10000);
});

Deno.test("linspace() counts from the nearer end", () => {
  assert.deepEqual([...linspace(1, 0, 5)], [1, 0.75, 0.5, 0.25, 0]);
  assert.deepEqual([...linspace(1, 0, 1)], [1]);
  assert.deepEqual([...linspace(1, 0, 0)], []);
});
