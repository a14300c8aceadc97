import assert from "node:assert/strict";
import { inParallel } from "./in_parallel.ts";

const never = new AbortController().signal;

Deno.test("inParallel() runs so many jobs at a time, and passes on everything", async () => {
  let [running, most] = [0, 0];
  const jobs = [1, 2, 3, 4, 5].map((n) =>
    async function* () {
      most = Math.max(most, ++running);
      yield `${n}a`;
      await Promise.resolve();
      yield `${n}b`;
      running--;
    }
  );
  const given = await Array.fromAsync(inParallel(jobs, 2, never));
  assert.deepEqual(given.toSorted(), ["1a", "1b", "2a", "2b", "3a", "3b", "4a", "4b", "5a", "5b"]);
  assert.equal(most, 2);
});

/** Waits for its signal; `left` tells whether it has cleaned up. */
function waiting(left: string[], name: string) {
  return async function* (signal: AbortSignal): AsyncGenerator<string> {
    try {
      yield name;
      signal.throwIfAborted();
      await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    } finally {
      left.push(name);
    }
  };
}

Deno.test("inParallel() ends every job before it throws the first error", async () => {
  const left: string[] = [];
  // deno-lint-ignore require-yield
  const broken = async function* (): AsyncGenerator<string> {
    await Promise.resolve();
    throw new RangeError("broken");
  };
  await assert.rejects(Array.fromAsync(inParallel([waiting(left, "a"), broken, waiting(left, "c")], 2, never)), {
    name: "RangeError",
    message: "broken",
  });
  assert.deepEqual(left, ["a"], "the third never began");
});

Deno.test("inParallel() ends every job when it is stopped, and when nobody reads on", async () => {
  const left: string[] = [];
  const stop = new AbortController();
  const reader = inParallel([waiting(left, "a"), waiting(left, "b")], 2, stop.signal);
  await reader.next();
  stop.abort(new Error("stopped"));
  await assert.rejects(Array.fromAsync(reader), /stopped/);
  assert.deepEqual(left.toSorted(), ["a", "b"]);

  const other: string[] = [];
  for await (const _ of inParallel([waiting(other, "a"), waiting(other, "b")], 2, never)) break;
  assert.deepEqual(other.toSorted(), ["a", "b"]);
});
