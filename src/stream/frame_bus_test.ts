import assert from "node:assert/strict";
import { FrameBus } from "./frame_bus.ts";

/** Lets everything run that can run without an outside event. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}

Deno.test("FrameBus gives every reader every item in order", async () => {
  const bus = new FrameBus<number>();
  const readers = [bus.read({ overflow: "wait" }), bus.read({ overflow: "drop-oldest", capacity: 100 })];
  const results = readers.map((reader) => Array.fromAsync(reader));
  for (let item = 0; item < 50; item++) await bus.push(item);
  bus.close();
  const expected = Array.from({ length: 50 }, (_, item) => item);
  assert.deepEqual(await Promise.all(results), [expected, expected]);
});

Deno.test("FrameBus makes the producer wait for a slow `wait` reader, and for no other", async () => {
  const bus = new FrameBus<number>();
  const slow = bus.read({ overflow: "wait", capacity: 2 });
  bus.read({ overflow: "drop-oldest", capacity: 1 });
  let pushed = 0;
  const producing = (async () => {
    for (let item = 0; item < 5; item++) {
      await bus.push(item);
      pushed++;
    }
  })();
  await settle();
  assert.equal(pushed, 2); // the third lies in the queue, but its push waits
  await slow.next();
  await settle();
  assert.equal(pushed, 3);
  await slow.return?.();
  await producing;
  assert.equal(pushed, 5);
});

Deno.test("FrameBus drops the oldest items of a slow `drop-oldest` reader", async () => {
  const bus = new FrameBus<number>();
  const reader = bus.read({ overflow: "drop-oldest", capacity: 3 });
  for (let item = 0; item < 10; item++) await bus.push(item);
  bus.close();
  assert.deepEqual(await Array.fromAsync(reader), [7, 8, 9]);
});

Deno.test("FrameBus gives a late reader what comes after it, and nothing after the end", async () => {
  const bus = new FrameBus<number>();
  await bus.push(1);
  const late = bus.read({ overflow: "wait" });
  await bus.push(2);
  bus.close();
  assert.deepEqual(await Array.fromAsync(late), [2]);
  assert.deepEqual(await Array.fromAsync(bus.read({ overflow: "wait" })), []);
  await assert.rejects(bus.push(3), /closed/);
});

Deno.test("FrameBus forgets a reader that leaves its loop", async () => {
  const bus = new FrameBus<number>();
  const reader = bus.read({ overflow: "wait", capacity: 1 });
  await bus.push(1);
  for await (const _ of reader) break;
  for (let item = 0; item < 10; item++) await bus.push(item);
});

Deno.test("FrameBus refuses a capacity that holds nothing", () => {
  assert.throws(() => new FrameBus().read({ overflow: "wait", capacity: 0 }), RangeError);
});
