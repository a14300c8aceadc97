/**
 * What a server finds when an earlier one ended, in good order or not.
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { cp, mkdtemp, readdir, rm, truncate } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findFfmpeg } from "../src/ffmpeg.ts";
import { SessionStore, type SessionView } from "../src/session/mod.ts";
import { createGatedEngine } from "./gated_engine.ts";
import { startServer } from "./server_fixture.ts";

const running = ({ event, data }: { event: string; data: unknown }) =>
  event === "state" && (data as SessionView).state === "running";

/** The data folder as it is at this moment: what a server that is killed leaves behind. */
async function snapshot(dataDir: string): Promise<string> {
  const copy = await mkdtemp(join(tmpdir(), "framecast-killed-"));
  await cp(dataDir, copy, { recursive: true });
  return copy;
}

Deno.test("a finished session survives a restart, file and log", async () => {
  const engine = createGatedEngine();
  await using server = await startServer({ engine });
  engine.admit(1);
  const before = await server.ended((await server.start({ durationSeconds: "1" })).id);
  await server.stop();
  await using later = await startServer({ dataDir: server.dataDir });
  assert.deepEqual(await later.view(before.id), before);
  assert.equal((await later.request(before.links.video)).status, 200);
  const log = await Array.fromAsync(later.sessions.events(before.id, 0, new AbortController().signal));
  assert.deepEqual(log.map(({ id }) => id), log.map((_, index) => index + 1));
  assert.equal((log.at(-1)!.data as SessionView).state, "completed");
});

/** A server that was killed when two of four sections were made and another session waited. */
async function killedInTheMiddle() {
  const engine = createGatedEngine();
  await using server = await startServer({ engine });
  const { id } = await server.start({ keepRecipe: "false" });
  engine.admit(2);
  await server.event(id, ({ event, data }) => event === "progress" && data.timings.sections.length === 2);
  const waited = await server.start({ durationSeconds: "1", prompt: "I waited." });
  const seen = await server.event(id, running);
  const before = await server.view(id);
  const made = before.frameMap.filter(({ state }) => /provisional|final/.test(state));
  const dataDir = await snapshot(server.dataDir);
  engine.admit(2);
  const { video } = await server.ended(id);
  return {
    ...{ id, waited, seen, before, dataDir },
    made: { start: made[0]!.start, end: made.at(-1)!.end },
    folder: join(dataDir, "sessions", id),
    uninterrupted: { video, bytes: await (await server.request(before.links.video)).bytes() },
    [Symbol.asyncDispose]: () => rm(dataDir, { recursive: true }),
  };
}

Deno.test("a server killed while it works: the next one goes on after the last finished section, to the same file", async () => {
  await using killed = await killedInTheMiddle();
  const { id, dataDir, before, seen, waited } = killed;
  const engine = createGatedEngine();
  await using later = await startServer({ dataDir, engine });
  await engine.started(1);
  const resumed = await later.view(id);
  assert.equal(engine.requests[0]!.resume!.section, 2);
  assert.deepEqual(resumed.timings.sections, before.timings.sections);
  assert.deepEqual([resumed.timings.startedAt, resumed.progress.percent], [before.timings.startedAt, 50]);
  const frame = await later.request(`/api/sessions/${id}/frames/${killed.made.start}.png`);
  assert.equal(frame.status, 200, "what was made can be seen");
  engine.admit(2);
  const { state, video, frameMap } = await later.ended(id);
  assert.deepEqual([state, video], ["completed", killed.uninterrupted.video]);
  assert.deepEqual(frameMap, [{ start: 0, end: 145, state: "final" }]);
  const bytes = await (await later.request(before.links.video)).bytes();
  assert.ok(Buffer.from(bytes).equals(killed.uninterrupted.bytes), "the file is the same byte for byte");
  const rest = await Array.fromAsync(later.sessions.events(id, seen.id, new AbortController().signal));
  assert.deepEqual(rest.map(({ id }) => id), rest.map((_, index) => seen.id + 1 + index));
  assert.deepEqual((await readdir(killed.folder)).filter((name) => name !== "frames.rgb").sort(), [
    "start",
    "video.mp4",
  ]);
  engine.admit(1);
  const afterwards = await later.ended(waited.id);
  assert.deepEqual([afterwards.state, afterwards.settings.prompt], ["completed", "I waited."]);
});

Deno.test("a video that kills the next server as well is not gone on with again: its finished sections are kept", async () => {
  await using killed = await killedInTheMiddle();
  const engine = createGatedEngine();
  await using _second = await startServer({ dataDir: killed.dataDir, engine });
  await engine.started(1);
  const dataDir = await snapshot(killed.dataDir);
  try {
    await using third = await startServer({ dataDir });
    const { state, problem, video, frameMap, links } = await third.view(killed.id);
    const { start, end } = killed.made;
    const seconds = (end - start) / 30;
    assert.equal(state, "failed");
    const detail = `The server stopped while it made this video. ${
      seconds.toFixed(1)
    } s of it are kept; start it again`;
    assert.ok(problem!.detail.startsWith(detail), problem!.detail);
    const { sizeBytes, ...facts } = video!;
    assert.deepEqual(facts, { frames: end - start, seconds, firstFrameIndex: start });
    assert.deepEqual(frameMap.find(({ state }) => state === "final"), { start, end, state: "final" });
    assert.equal((await (await third.request(links.video)).blob()).size, sizeBytes);
    assert.deepEqual((await readdir(join(dataDir, "sessions", killed.id))).sort(), ["start", "video.mp4"]);
    const log = await Array.fromAsync(third.sessions.events(killed.id, 0, new AbortController().signal));
    assert.deepEqual(log.slice(-2).map(({ event }) => event), ["problem", "state"]);
  } finally {
    await rm(dataDir, { recursive: true });
  }
});

Deno.test("a video that waits to be gone on with can be stopped, and keeps what was made", async () => {
  await using killed = await killedInTheMiddle();
  const engine = createGatedEngine("cold");
  await using later = await startServer({ dataDir: killed.dataDir, engine });
  const waiting = await later.view(killed.id);
  assert.deepEqual([waiting.state, waiting.progress.percent], ["queued", 50]);
  await later.request(`/api/sessions/${killed.id}/stop`, { method: "POST" });
  const { state, video, problem } = await later.view(killed.id);
  const { start, end } = killed.made;
  assert.deepEqual([state, video?.frames, video?.firstFrameIndex, problem], ["stopped", end - start, start, undefined]);
  engine.finishLoading();
});

Deno.test("a server killed before a section is finished, or whose frames are lost: nothing of it is kept", async () => {
  const engine = createGatedEngine();
  await using server = await startServer({ engine });
  const begun = await server.start();
  await server.event(begun.id, running);
  const early = await snapshot(server.dataDir);
  engine.admit(1);
  await server.event(begun.id, ({ event, data }) => event === "progress" && data.timings.sections.length === 1);
  const damaged = await snapshot(server.dataDir);
  await truncate(join(damaged, "sessions", begun.id, "frames.rgb"), 1000);
  try {
    for (const dataDir of [early, damaged]) {
      await using later = await startServer({ dataDir });
      const { state, video, frameMap, problem } = await later.view(begun.id);
      assert.deepEqual([state, video], ["failed", null]);
      assert.deepEqual(frameMap, [{ start: 0, end: 145, state: "planned" }]);
      assert.match(problem!.detail, /Nothing of it was kept; start it again/);
      assert.deepEqual(await readdir(join(dataDir, "sessions", begun.id)), ["start"]);
    }
  } finally {
    for (const dataDir of [early, damaged]) await rm(dataDir, { recursive: true });
  }
});

Deno.test("a server killed while it writes the file of a whole video: the next one writes it", async () => {
  const [engine, real, written] = [createGatedEngine(), await findFfmpeg(), Promise.withResolvers<void>()];
  const slow = {
    ...real,
    start(args: readonly string[]) {
      const process = real.start(args);
      const into = process.writable.getWriter();
      const writable = new WritableStream<Uint8Array>({
        write: (bytes) => written.promise.then(() => into.write(bytes)),
        close: () => into.close(),
      });
      return { ...process, writable, [Symbol.asyncDispose]: () => process[Symbol.asyncDispose]() };
    },
  };
  await using server = await startServer({ engine, tools: { ffmpeg: slow } });
  engine.admit(1);
  const { id } = await server.start({ durationSeconds: "1" });
  await server.event(id, ({ event, data }) => event === "progress" && data.progress.phase === "recording");
  const dataDir = await snapshot(server.dataDir);
  written.resolve();
  try {
    await using later = await startServer({ dataDir });
    const { state, video, problem } = await later.view(id);
    assert.deepEqual([state, video?.frames, problem], ["completed", 37, undefined]);
  } finally {
    await rm(dataDir, { recursive: true });
  }
});

Deno.test("a server that is stopped keeps what the running session has made, and lets the others wait", async () => {
  const engine = createGatedEngine();
  await using server = await startServer({ engine });
  const worked = await server.start();
  engine.admit(1);
  await server.event(worked.id, ({ event, data }) => event === "progress" && data.timings.sections.length === 1);
  const waited = await server.start({ durationSeconds: "1" });
  await server.stop();
  await using later = await startServer({ dataDir: server.dataDir });
  const stopped = await later.view(worked.id);
  assert.equal(stopped.state, "stopped");
  assert.equal(stopped.video?.frames, 33);
  assert.equal((await later.ended(waited.id)).state, "completed");
});

Deno.test("the pace of an earlier server gives the estimates of the next", async () => {
  const engine = createGatedEngine();
  await using server = await startServer({ engine });
  engine.admit(1);
  await server.ended((await server.start({ durationSeconds: "1" })).id);
  await server.stop();
  const gated = createGatedEngine();
  await using later = await startServer({ dataDir: server.dataDir, engine: gated });
  const [model] = await (await later.request("/api/models")).json();
  assert.deepEqual(model.measured, [{ widthPx: 96, heightPx: 96, secondsPerStep: 0, secondsPerDecode: 0 }]);
  const first = await later.start();
  assert.equal(first.timings.remainingSeconds, 0);
  await later.event(first.id, running);
  assert.equal((await later.start()).queue?.expectedStartSeconds, 0);
});

Deno.test("a second server in the same folder is refused, and the first loses nothing", async () => {
  const engine = createGatedEngine();
  await using server = await startServer({ engine });
  const { id } = await server.start({ durationSeconds: "1" });
  await server.event(id, running);
  assert.throws(() => new SessionStore(join(server.dataDir, "sessions.sqlite")), {
    name: "StoreOpenError",
    message: /another framecast uses this folder/,
  });
  engine.admit(1);
  assert.equal((await server.ended(id)).state, "completed");
});
