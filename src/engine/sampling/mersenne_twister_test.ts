import assert from "node:assert/strict";
import { mersenneTwister } from "./mersenne_twister.ts";

Deno.test("mersenneTwister() gives the 10000th number that the C++ standard demands of mt19937", () => {
  const next = mersenneTwister(5489);
  for (let i = 1; i < 10000; i++) next();
  assert.equal(next(), 4123659995); // ISO C++ [rand.predef]
});

Deno.test("mersenneTwister() reads a seed modulo 2^32", () => {
  const first = (seed: number) => mersenneTwister(seed)();
  assert.equal(first(2 ** 32 + 7), first(7));
  assert.equal(first(-1), first(2 ** 32 - 1));
  assert.equal(first(Number.MAX_SAFE_INTEGER), first(2 ** 32 - 1));
  assert.notEqual(first(7), first(8));
});
