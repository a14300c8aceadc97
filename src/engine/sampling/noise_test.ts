import assert from "node:assert/strict";
import { torchNormal } from "./noise.ts";

Deno.test("torchNormal() equals torch.randn of seed 31337", () => {
  const noise = torchNormal(31337)(16 * 9 * 8 * 8);
  const expected = [1.18328166, -0.06305881, 0.99085093, -0.50606942, 2.96561790, 0.85022765];
  for (const [i, value] of expected.entries()) assert.ok(Math.abs(noise[i]! - value) < 1e-6, `value ${i}`);
});

Deno.test("torchNormal() refills the last 16 numbers of a count that 16 does not divide", () => {
  const [whole, odd] = [torchNormal(3)(32), torchNormal(3)(33)];
  assert.deepEqual(odd.subarray(0, 16), whole.subarray(0, 16));
  assert.notDeepEqual(odd.subarray(17, 32), whole.subarray(17, 32));
});

Deno.test("torchNormal() keeps the waiting scalar across a draw of blocks", () => {
  const generator = torchNormal(3);
  const [first] = generator(1);
  generator(16);
  const pair = torchNormal(3)(2);
  assert.equal(first, pair[0]);
  assert.equal(generator(1)[0], pair[1]);
});

Deno.test("torchNormal() has mean 0 and deviation 1", () => {
  const numbers = torchNormal(-1)(1 << 16);
  const mean = numbers.reduce((sum, v) => sum + v, 0) / numbers.length;
  const variance = numbers.reduce((sum, v) => sum + v * v, 0) / numbers.length;
  assert.ok(Math.abs(mean) < 0.02 && Math.abs(variance - 1) < 0.03);
});
