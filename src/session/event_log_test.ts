import assert from "node:assert/strict";
import { EventLog, type NewSessionEvent } from "./event_log.ts";

const entry = (text: string): NewSessionEvent => ({
  event: "problem",
  data: { type: "about:blank", title: "t", status: 500, detail: text },
});
const never = new AbortController().signal;

async function details(log: EventLog, afterId: number): Promise<[number, unknown][]> {
  const seen: [number, unknown][] = [];
  for await (const event of log.read(afterId, never)) seen.push([event.id, (event.data as { detail?: string }).detail]);
  return seen;
}

Deno.test("EventLog.read() gives past and future entries to every reader, in order, with the same ids", async () => {
  const log = new EventLog();
  log.append(entry("a"));
  const readers = [details(log, 0), details(log, 0)];
  await Promise.resolve();
  log.append(entry("b"));
  log.append(entry("c"));
  log.end();
  for (const reader of readers) assert.deepEqual(await reader, [[1, "a"], [2, "b"], [3, "c"]]);
});

Deno.test("EventLog.read() after an id goes on without a gap or a repeat", async () => {
  const log = new EventLog();
  for (const text of ["a", "b", "c"]) log.append(entry(text));
  log.end();
  assert.deepEqual(await details(log, 1), [[2, "b"], [3, "c"]]);
  assert.deepEqual(await details(log, 3), []);
  assert.deepEqual(await details(log, 99), []);
});

Deno.test("EventLog.read() ends when its reader goes", async () => {
  const log = new EventLog();
  const gone = new AbortController();
  const reading = Array.fromAsync(log.read(0, gone.signal));
  log.append(entry("a"));
  gone.abort();
  assert.ok((await reading).length <= 1);
});

Deno.test("EventLog goes on counting after entries from a store", () => {
  const log = new EventLog([{ id: 7, ...entry("old") } as never]);
  assert.equal(log.append(entry("new")).id, 8);
  log.end();
  assert.throws(() => log.append(entry("late")), /has ended/);
});

Deno.test("EventLog.lastIdBefore() leads to the newest of a kind", async () => {
  const log = new EventLog();
  assert.equal(log.lastIdBefore("problem"), 0);
  for (const text of ["a", "b"]) log.append(entry(text));
  log.append({ event: "frameMap", data: { frameMap: [] } });
  log.end();
  assert.deepEqual(await details(log, log.lastIdBefore("problem")), [[2, "b"], [3, undefined]]);
  assert.equal(log.lastIdBefore("progress"), 0);
});
