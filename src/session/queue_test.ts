import assert from "node:assert/strict";
import { Queue } from "./queue.ts";

Deno.test("Queue serves first come, first served, also who comes while it is being served", async () => {
  const queue = new Queue<string>();
  queue.push("a");
  queue.push("b");
  const served: string[] = [];
  for await (const item of queue) {
    served.push(item);
    if (item === "a") queue.push("c");
    if (item === "c") queue.close();
  }
  assert.deepEqual(served, ["a", "b", "c"]);
});

Deno.test("Queue.remove() lets the others move up; who has been served is not there any more", async () => {
  const queue = new Queue<string>();
  for (const item of ["a", "b", "c"]) queue.push(item);
  assert.equal(queue.placeOf("c"), 3);
  assert.ok(queue.remove("b"));
  assert.ok(!queue.remove("b"));
  assert.equal(queue.placeOf("c"), 2);
  assert.equal((await queue[Symbol.asyncIterator]().next()).value, "a");
  assert.equal(queue.placeOf("a"), 0);
  assert.deepEqual(queue.waiting, ["c"]);
});

Deno.test("Queue.close() ends a worker that waits and keeps who waits", async () => {
  const empty = new Queue<string>();
  const next = empty[Symbol.asyncIterator]().next();
  empty.close();
  assert.equal((await next).done, true);
  const queue = new Queue<string>();
  queue.push("a");
  queue.close();
  assert.equal((await queue[Symbol.asyncIterator]().next()).done, true);
  assert.deepEqual(queue.waiting, ["a"]);
});

Deno.test("Queue gives each item to one of several workers, in order, and ends all of them", async () => {
  const queue = new Queue<string>();
  const [one, other] = [queue[Symbol.asyncIterator](), queue[Symbol.asyncIterator]()];
  const [first, second] = [one.next(), other.next()];
  queue.push("a");
  queue.push("b");
  queue.push("c");
  assert.deepEqual([(await first).value, (await second).value], ["a", "b"]);
  assert.equal((await other.next()).value, "c");
  const left = [one.next(), other.next()];
  queue.close();
  assert.deepEqual((await Promise.all(left)).map(({ done }) => done), [true, true]);
});
