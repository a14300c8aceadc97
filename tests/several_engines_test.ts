/**
 * A server with an engine for each of several GPUs.
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DeviceError, type Engine, EngineLostError } from "../src/engine/mod.ts";
import {
  type FeedEvent,
  type HealthView,
  type ModelView,
  type SessionEvent,
  SessionStore,
  type SessionView,
} from "../src/session/mod.ts";
import { createGatedEngine, type GatedEngine } from "./gated_engine.ts";
import { startServer, type TestServer } from "./server_fixture.ts";

const runs = ({ event, data }: SessionEvent) => event === "state" && data.state === "running";
const short = { durationSeconds: "1" };

async function get<Answer>(server: TestServer, path: string): Promise<Answer> {
  return await (await server.request(path)).json();
}

/** Starts videos, one after the other with seeds of their own, and waits until they run. */
async function startRunning(server: TestServer, ...settings: Record<string, string>[]): Promise<SessionView[]> {
  const views: SessionView[] = [];
  for (const [index, each] of settings.entries()) {
    const { id } = await server.start({ seed: String(index), ...each });
    await server.event(id, runs);
    views.push(await server.view(id));
  }
  return views;
}

/** The one that makes the video of this seed, or has made it. */
function engineOf({ settings: { seed } }: SessionView, engines: readonly GatedEngine[]): GatedEngine {
  return engines.find(({ requests }) => requests.some(({ settings }) => settings.seed === seed))!;
}

const sectionDone = (server: TestServer, { id }: SessionView, section: number) =>
  server.event(id, ({ event, data }) => event === "progress" && data.timings.sections.length === section);

Deno.test("two sessions run at once, each with its own frames on disk, and the feed tells of both", async () => {
  const engines = [createGatedEngine(), createGatedEngine()] as const;
  await using server = await startServer({ engines });
  const leave = new AbortController();
  const feed = server.sessions.follow(leave.signal)[Symbol.asyncIterator]();
  await feed.next(); // `latest`
  const [first, second] = await startRunning(server, short, short) as [SessionView, SessionView];
  const frames = [first, second].map(({ id }) => join(server.dataDir, "sessions", id, "frames.rgb"));
  assert.deepEqual(frames.map((file) => existsSync(file)), [true, true]);
  const health = await get<HealthView>(server, "/api/health");
  assert.deepEqual(health.engines, [{ device: "GPU 0", state: "running" }, { device: "GPU 1", state: "running" }]);
  assert.deepEqual([health.engine.state, health.engine.device], ["running", "GPU 0, GPU 1"]);
  assert.deepEqual([health.status, health.sessions], ["ok", { running: 2, queued: 0 }]);
  assert.match(await (await server.request("/metrics")).text(), /^framecast_engines\{state="running"\} 2$/m);
  engineOf(second, engines).admit(1);
  assert.equal((await server.ended(second.id)).state, "completed");
  assert.equal((await server.view(first.id)).state, "running");
  engineOf(first, engines).admit(1);
  assert.equal((await server.ended(first.id)).state, "completed");
  assert.deepEqual(engines.map(({ requests }) => requests.length), [1, 1]);
  const told: string[] = [];
  while (told.at(-1) !== `${first.id} completed`) {
    const { event, data } = (await feed.next()).value as FeedEvent;
    if (event === "session" && ["running", "completed"].includes(data.state)) told.push(`${data.id} ${data.state}`);
  }
  const expected = [`${first.id} running`, `${second.id} running`, `${second.id} completed`, `${first.id} completed`];
  assert.deepEqual([...new Set(told)], expected);
  leave.abort();
  await server.stop();
  assert.deepEqual(frames.map((file) => existsSync(file)), [false, false]);
});

/** A data folder in which GPUs have been measured, in seconds per step at the model's size. */
async function measuredFolder(secondsPerStep: Readonly<Record<string, number>>) {
  const path = await mkdtemp(join(tmpdir(), "framecast-engines-"));
  using store = new SessionStore(join(path, "sessions.sqlite"));
  for (const [device, seconds] of Object.entries(secondsPerStep)) {
    const size = { widthPx: 96, heightPx: 96 };
    store.saveMeasurement("emoji", device, { ...size, secondsPerStep: seconds, secondsPerDecode: 0 });
  }
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) };
}

Deno.test("more sessions than engines: they wait in one line, and each knows when an engine will be free", async () => {
  await using folder = await measuredFolder({ "GPU 0": 100, "GPU 1": 100 });
  const engines = [createGatedEngine(), createGatedEngine()] as const;
  await using server = await startServer({ engines, dataDir: folder.path });
  const sections = (count: number) => ({ durationSeconds: String(count * 1.2), steps: "10" }); // 1000 s each
  const [long, brief] = await startRunning(server, sections(3), sections(1)) as [SessionView, SessionView];
  const waiting = [await server.start(sections(1)), await server.start(sections(2)), await server.start(sections(1))];
  const views = await Promise.all(waiting.map(({ id }) => server.view(id)));
  assert.deepEqual(views.map(({ queue }) => [queue?.place, queue?.waiting, queue?.running]), [
    [1, 3, 2],
    [2, 3, 2],
    [3, 3, 2],
  ]);
  const thousands = ({ queue }: SessionView) => Math.round(queue!.expectedStartSeconds! / 1000);
  // The engines are free in 3000 and 1000 s, then in 3000 and 2000, then in 3000 and 4000.
  assert.deepEqual(views.map(thousands), [1, 2, 3]);

  const [busy, other] = [engineOf(long, engines), engineOf(brief, engines)];
  other.admit(1);
  await server.ended(brief.id);
  await server.event(waiting[0]!.id, runs);
  const moved = await server.event(waiting[1]!.id, ({ event, data }) => event === "state" && data.queue?.place === 1);
  assert.equal((moved.data as SessionView).queue?.waiting, 2);
  busy.admit(3);
  await server.ended(long.id);
  await server.event(waiting[1]!.id, runs);
  assert.deepEqual([busy.requests.length, other.requests.length], [2, 2]);
  for (const engine of engines) engine.admit(3); // whoever makes the last one
  for (const { id } of waiting) assert.equal((await server.ended(id)).state, "completed");
});

Deno.test("GPUs of different speed: what is told of a model is the pace of the slower one", async () => {
  await using folder = await measuredFolder({ "GPU 0": 1, "GPU 1": 2 });
  await using server = await startServer({
    engines: [createGatedEngine(), createGatedEngine()],
    dataDir: folder.path,
  });
  const [model] = await get<ModelView[]>(server, "/api/models");
  assert.deepEqual([model!.device, model!.measured.map(({ secondsPerStep }) => secondsPerStep)], ["GPU 0, GPU 1", [2]]);
  const settings = { durationSeconds: "60", steps: "100" };
  const seconds = (await startRunning(server, settings, settings)).map(({ timings }) => timings.remainingSeconds!);
  const [fast, slow] = seconds.sort((a, b) => a - b) as [number, number];
  assert.ok(Math.abs(slow / fast - 2) < 0.1, `${fast} s and ${slow} s`);
});

/** Loads a model twice at most, each time until the test resolves it. */
function slowToLoad(engine: Engine) {
  const loads = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  let begun = 0;
  return {
    ...engine,
    loads,
    async *warm() {
      const load = loads[begun++]!;
      yield { kind: "loading", part: "transformer", done: begun, of: 3 } as const;
      await load.promise;
    },
  };
}

Deno.test("an engine that is lost is made ready again, and its session goes on with the one that is free first", async () => {
  const [failing, steady] = [createGatedEngine(), createGatedEngine()];
  const reloading = slowToLoad(failing);
  await using server = await startServer({ engines: [reloading, steady] });
  const [other] = await startRunning(server, {}) as [SessionView];
  reloading.loads[0]!.resolve();
  const [lost] = await startRunning(server, {}) as [SessionView];
  failing.admit(1);
  await sectionDone(server, lost, 1);
  failing.failWith(new EngineLostError("The engine process ended with signal SIGKILL"));
  const waitsAgain = ({ timings, queue }: SessionView) => timings.sections.length === 1 && queue?.place === 1;
  await server.event(lost.id, ({ event, data }) => event === "state" && waitsAgain(data));
  const health = await get<HealthView>(server, "/api/health");
  assert.deepEqual(health.engines.map(({ state }) => state), ["lost", "running"]);
  assert.deepEqual([health.status, health.engine.state], ["degraded", "running"]);
  const next = await server.start(short);
  assert.equal((await server.view(next.id)).progress.phase, "waiting");
  steady.admit(4);
  assert.equal((await server.ended(other.id)).state, "completed");
  steady.admit(3);
  assert.equal((await server.ended(lost.id)).video?.frames, 145);
  assert.equal(steady.requests[1]!.resume!.section, 1);
  steady.admit(1);
  assert.equal((await server.ended(next.id)).state, "completed");
  reloading.loads[1]!.resolve();
  const [again] = await startRunning(server, short);
  assert.equal((await get<HealthView>(server, "/api/health")).status, "ok");
  for (const engine of [failing, steady]) engine.admit(1);
  assert.equal((await server.ended(again!.id)).state, "completed");
});

Deno.test("who waits hears of the loading until one engine is ready, which does not wait for the other", async () => {
  const [quick, slow] = [createGatedEngine(), createGatedEngine()];
  const engines = [slowToLoad(slow), slowToLoad(quick)];
  await using server = await startServer({ engines });
  const { id } = await server.start(short);
  const told = await server.event(id, ({ event, data }) => event === "progress" && data.progress.phase === "loading");
  assert.equal((told.data as SessionView).progress.loading, "transformer, 1 of 3");
  engines[1]!.loads[0]!.resolve();
  await server.event(id, runs);
  const health = await get<HealthView>(server, "/api/health");
  assert.deepEqual(health.engines.map(({ state }) => state), ["starting", "running"]);
  assert.equal((await get<ModelView[]>(server, "/api/models"))[0]!.state, "ready");
  const waiting = await server.start(short);
  assert.equal((await server.view(waiting.id)).progress.phase, "waiting", "for a turn, not for a model");
  quick.admit(2);
  assert.equal((await server.ended(id)).state, "completed");
  assert.equal((await server.ended(waiting.id)).state, "completed");
  engines[0]!.loads[0]!.resolve();
});

/** An engine whose GPU is not there. */
function withoutGpu(): Engine {
  const fail = (): never => {
    throw new DeviceError("missing", "Cannot use CUDA device 1: there are 1");
  };
  const engine = createGatedEngine();
  return {
    ...engine,
    // deno-lint-ignore require-yield
    async *generate() {
      fail();
    },
    // deno-lint-ignore require-yield
    async *warm() {
      fail();
    },
  };
}

Deno.test("an engine that cannot be used takes no session away from one that can", async () => {
  const engine = createGatedEngine();
  await using server = await startServer({ engines: [withoutGpu(), engine] });
  const sessions = [await server.start(short), await server.start(short), await server.start(short)];
  engine.admit(3);
  for (const { id } of sessions) assert.equal((await server.ended(id)).state, "completed");
  const health = await get<HealthView>(server, "/api/health");
  assert.deepEqual(health.engines.map(({ state }) => state), ["lost", "idle"]);
  assert.deepEqual([health.status, health.engine.state], ["degraded", "idle"]);
});

Deno.test("when no engine can be used, each session fails and says why", async () => {
  await using server = await startServer({ engines: [withoutGpu(), withoutGpu()] });
  for (let count = 0; count < 3; count++) {
    const { state, problem } = await server.ended((await server.start(short)).id);
    assert.equal(state, "failed");
    assert.match(problem!.detail, /^Cannot use CUDA device 1: there are 1\. /);
  }
});

Deno.test("stopping or deleting one of two frees its engine for who waits, and leaves the other alone", async () => {
  const engines = [createGatedEngine(), createGatedEngine()] as const;
  await using server = await startServer({ engines });
  const [first, second] = await startRunning(server, {}, {}) as [SessionView, SessionView];
  const third = await server.start();
  const fourth = await server.start({ ...short, seed: "4" });
  engineOf(second, engines).admit(1);
  await sectionDone(server, second, 1);
  assert.equal((await server.request(`/api/sessions/${second.id}/stop`, { method: "POST" })).status, 200);
  assert.equal((await server.view(second.id)).video?.frames, 33);
  await server.event(third.id, runs);
  assert.equal((await server.request(`/api/sessions/${first.id}`, { method: "DELETE" })).status, 204);
  await server.event(fourth.id, runs);
  assert.deepEqual(engines.map(({ requests }) => requests.length), [2, 2]);
  assert.equal((await server.view(third.id)).state, "running");
  engineOf(fourth, engines).admit(1);
  assert.equal((await server.ended(fourth.id)).state, "completed");
});

Deno.test("a server that is stopped keeps what both have made, and who waited waits again in order", async () => {
  const engines = [createGatedEngine(), createGatedEngine()] as const;
  await using server = await startServer({ engines });
  const running = await startRunning(server, {}, { schedule: "forward" });
  const waiting = [await server.start(), await server.start(), await server.start(), await server.start()];
  for (const engine of engines) engine.admit(1);
  for (const view of running) await sectionDone(server, view, 1);
  await server.stop();
  await using later = await startServer({
    engines: [createGatedEngine(), createGatedEngine()],
    dataDir: server.dataDir,
  });
  const kept = await Promise.all(running.map(({ id }) => later.view(id)));
  assert.deepEqual(kept.map(({ state, video }) => [state, video?.frames]), [["stopped", 33], ["stopped", 37]]);
  for (const { id } of waiting.slice(0, 2)) await later.event(id, runs);
  const places = await Promise.all(waiting.map(async ({ id }) => (await later.view(id)).queue?.place));
  assert.deepEqual(places, [undefined, undefined, 1, 2]);
});
