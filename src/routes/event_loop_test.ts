import assert from "node:assert/strict";
import { EventLoopWatch } from "./event_loop.ts";

Deno.test("EventLoopWatch counts how much later than wanted it wakes, and stops when disposed", async () => {
  let nowMs = 0;
  let wakes = 0;
  const lateMs = [0, 0, 40, 300];
  const asked = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<void>();
  const watch = new EventLoopWatch({
    nowMs: () => nowMs,
    waitUntil(timeMs, signal) {
      const late = lateMs[wakes++];
      if (late === undefined) {
        asked.resolve();
        const { promise, reject } = Promise.withResolvers<never>();
        signal.addEventListener("abort", () => {
          reject(signal.reason);
          ended.resolve();
        });
        return promise;
      }
      nowMs = timeMs + late;
      return Promise.resolve();
    },
  });
  await asked.promise;
  const { buckets, count, sum } = watch.delays;
  assert.equal(count, 4);
  assert.ok(Math.abs(sum - 0.34) < 1e-9);
  const upTo = (bound: number) => buckets.find((bucket) => bucket.upTo === bound)!.count;
  assert.deepEqual([upTo(0.001), upTo(0.033), upTo(0.05), upTo(0.5)], [2, 2, 3, 4]);
  watch[Symbol.dispose]();
  await ended.promise;
});
