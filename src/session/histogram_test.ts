import assert from "node:assert/strict";
import { Histogram } from "./histogram.ts";

Deno.test("Histogram counts everything up to a bound, the bound included", () => {
  const histogram = new Histogram([1, 10]);
  assert.deepEqual(histogram.counts, {
    buckets: [{ upTo: 1, count: 0 }, { upTo: 10, count: 0 }, { upTo: Infinity, count: 0 }],
    sum: 0,
    count: 0,
  });
  for (const value of [0.5, 1, 1.5, 10, 11]) histogram.observe(value);
  assert.deepEqual(histogram.counts, {
    buckets: [{ upTo: 1, count: 2 }, { upTo: 10, count: 4 }, { upTo: Infinity, count: 5 }],
    sum: 24,
    count: 5,
  });
});
