import assert from "node:assert/strict";
import { float32Log } from "./float32_log.ts";

Deno.test("float32Log() is within one unit in the last place", () => {
  for (let i = 0; i < 5000; i++) {
    const value = Math.fround(2 ** (i / 100 - 25) * 1.0123);
    const exact = Math.log(value);
    const unit = 2 ** (Math.floor(Math.log2(Math.abs(exact))) - 23);
    assert.ok(Math.abs(float32Log(value) - exact) <= unit, `ln ${value}`);
  }
  assert.equal(float32Log(1), 0);
});

Deno.test("float32Log() rounds as PyTorch does where the nearest float32 is another", () => {
  // Printed by PyTorch 2.13 on a CPU.
  const printed = [[0.9209402, -0.08236015], [0.5945284, -0.51998687], [0.61635935, -0.4839251], [
    0.354684,
    -1.0365281,
  ]];
  for (const [sigma, logarithm] of printed as [number, number][]) {
    assert.equal(float32Log(Math.fround(sigma)), Math.fround(logarithm));
    assert.notEqual(Math.fround(Math.log(Math.fround(sigma))), Math.fround(logarithm));
  }
});
