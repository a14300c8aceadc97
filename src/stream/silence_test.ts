import assert from "node:assert/strict";
import { createSilenceWatch } from "./silence.ts";

/** After how many looks the watch gives up, given the counts it sees; the last count goes on for ever. */
function looksUntilGone(counts: number[]): number {
  const isGone = createSilenceWatch();
  for (let look = 1; look <= 1000; look++) {
    if (isGone(counts[Math.min(look, counts.length) - 1]!)) return look;
  }
  return Infinity;
}

Deno.test("createSilenceWatch() gives up six seconds after the last packet", () => {
  assert.equal(looksUntilGone([1, 2, 3]), 3 + 6);
});

Deno.test("createSilenceWatch() lets a connection take fifteen seconds to come up", () => {
  assert.equal(looksUntilGone([0]), 15);
  assert.equal(looksUntilGone([...new Array<number>(13).fill(0), 1]), 14 + 6);
});

Deno.test("createSilenceWatch() keeps a viewer that reports every few seconds", () => {
  assert.equal(looksUntilGone(Array.from({ length: 1000 }, (_, look) => Math.floor(look / 5))), Infinity);
});
