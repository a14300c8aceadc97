import assert from "node:assert/strict";
import { sinusoid } from "./sinusoid.ts";

Deno.test("sinusoid() has the cosines first and starts at the full angle", () => {
  const embedding = sinusoid(9984);
  assert.equal(embedding.length, 256);
  assert.equal(embedding[0], Math.fround(Math.cos(9984)));
  assert.equal(embedding[128], Math.fround(Math.sin(9984)));
  assert.equal(embedding[64], Math.fround(Math.cos(9984 / 100)));
});
