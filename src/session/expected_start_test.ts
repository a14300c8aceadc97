import assert from "node:assert/strict";
import { secondsUntilTurn } from "./expected_start.ts";

Deno.test("secondsUntilTurn() of one engine is all the work before", () => {
  assert.equal(secondsUntilTurn([0], []), 0);
  assert.equal(secondsUntilTurn([5], []), 5);
  assert.equal(secondsUntilTurn([5], [20, 30]), 55);
});

Deno.test("secondsUntilTurn() of several engines: each in the line goes to the one that is free first", () => {
  const line = [20, 30, 10, 40];
  // Engines of 5 and 8 s: the line begins at 5, 8, 25 and 35 s, and is over at 38 and 75 s.
  const starts = [0, 1, 2, 3, 4].map((ahead) => secondsUntilTurn([5, 8], line.slice(0, ahead)));
  assert.deepEqual(starts, [5, 8, 25, 35, 38]);
  assert.equal(secondsUntilTurn([60, 0, 60], [10, 10]), 20);
  assert.equal(secondsUntilTurn([7, 7, 7], [1, 1, 1]), 8);
});

Deno.test("secondsUntilTurn() is null where an engine's or a video's time is not known", () => {
  assert.equal(secondsUntilTurn([null], []), null);
  assert.equal(secondsUntilTurn([5, null], []), null);
  assert.equal(secondsUntilTurn([5, 5], [null]), null);
});
