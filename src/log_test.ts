import assert from "node:assert/strict";
import { createLog } from "./log.ts";

function lines(level: "debug" | "warn" | "silent") {
  const written: string[] = [];
  const log = createLog({ level, write: (line) => written.push(line), now: () => new Date(0) });
  return { log, written };
}

Deno.test("createLog() writes one JSON line per event, level and time first", () => {
  const { log, written } = lines("debug");
  log.info("session.started", { id: "a", steps: 6 });
  assert.deepEqual(written, [
    '{"time":"1970-01-01T00:00:00.000Z","level":"info","event":"session.started","id":"a","steps":6}\n',
  ]);
});

Deno.test("createLog() drops what is below its level", () => {
  const { log, written } = lines("warn");
  log.info("a");
  log.warn("b");
  log.error("c");
  assert.deepEqual(written.map((line) => JSON.parse(line).event), ["b", "c"]);
  const silent = lines("silent");
  silent.log.error("d");
  assert.deepEqual(silent.written, []);
});

Deno.test("createLog() shows an error's message and its cause", () => {
  const { log, written } = lines("debug");
  log.error("x", { error: new Error("outer", { cause: new RangeError("inner") }) });
  const { error } = JSON.parse(written[0]!);
  assert.equal(error.message, "outer");
  assert.equal(error.cause.name, "RangeError");
  assert.equal(error.cause.message, "inner");
});
