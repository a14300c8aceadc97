import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import type { Engine, GenerationEvent } from "./mod.ts";
import { createProcessEngine } from "./process_engine.ts";

const signal = new AbortController().signal;
const dyingHost = fileURLToPath(new URL("../../tests/dying_host.ts", import.meta.url));

function createDyingEngine(): Engine {
  const command = [Deno.execPath(), "run", "--quiet", "--no-check", "--allow-all", dyingHost] as const;
  return createProcessEngine({ device: { kind: "cpu" }, command });
}

/** The process that carried out an order, by its number, and how many it had been given. */
async function carriedOut(engine: Engine, model: string): Promise<{ process: string; orders: number }> {
  const [event] = await Array.fromAsync(engine.warm(model, signal)) as Extract<GenerationEvent, { kind: "loading" }>[];
  return { process: event!.part, orders: event!.done };
}

Deno.test("createProcessEngine() hands an order to another process when one dies without a word about it", async () => {
  await using engine = createDyingEngine();
  const first = await carriedOut(engine, "second");
  const second = await carriedOut(engine, "second");
  assert.deepEqual([first.orders, second.orders], [1, 1]);
  assert.notEqual(first.process, second.process);
});

Deno.test("createProcessEngine() tries an order in one new process, not in more", async () => {
  await using engine = createDyingEngine();
  await assert.rejects(carriedOut(engine, "poison"), { name: "EngineLostError", message: /SIGKILL/ });
  await carriedOut(engine, "any");
  await assert.rejects(carriedOut(engine, "poison"), { name: "EngineLostError", message: /SIGKILL/ });
  assert.equal((await carriedOut(engine, "any")).orders, 1);
});

Deno.test("createProcessEngine() does not begin again what had begun", async () => {
  await using engine = createDyingEngine();
  await carriedOut(engine, "any");
  const events = engine.warm("halfway", signal)[Symbol.asyncIterator]();
  assert.equal((await events.next()).value.kind, "loading");
  assert.equal((await events.next()).value.kind, "frames");
  await assert.rejects(events.next(), { name: "EngineLostError" });
});

Deno.test("createProcessEngine() tells of a lost GPU and goes on in a new process, of a full one in the same", async () => {
  await using engine = createDyingEngine();
  const first = await carriedOut(engine, "any");
  await assert.rejects(carriedOut(engine, "full"), { name: "DeviceError", fault: "out of memory" });
  const same = await carriedOut(engine, "any");
  assert.deepEqual([same.process, same.orders], [first.process, 3]);
  await assert.rejects(carriedOut(engine, "lost"), {
    name: "DeviceError",
    fault: "lost",
    message: "The GPU was lost (CUDA failure 700)",
  });
  const next = await carriedOut(engine, "any");
  assert.notEqual(next.process, first.process);
  assert.equal(next.orders, 1);
});

Deno.test("createProcessEngine() tells with all its numbers what a GPU is too small for", async () => {
  await using engine = createDyingEngine();
  await assert.rejects(carriedOut(engine, "small"), {
    name: "MemoryShortageError",
    message: "640 × 608 does not fit",
    shortage: { neededBytes: 9, limitBytes: 4, missingBytes: 5, fittingSize: { widthPx: 96, heightPx: 80 } },
  });
});
