import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { CheckpointError, type Engine } from "../src/engine/mod.ts";
import { type Ffmpeg, findFfmpeg } from "../src/ffmpeg.ts";
import type { SessionView } from "../src/session/mod.ts";
import { framesInFile } from "./frames_in_file.ts";
import { createGatedEngine } from "./gated_engine.ts";
import { startServer, type TestServer } from "./server_fixture.ts";

const runs = (view: SessionView) => view.state === "running";

async function sectionDone(server: TestServer, id: string, section: number): Promise<void> {
  await server.event(id, ({ event, data }) => event === "progress" && data.timings.sections.length === section);
}

Deno.test("a session goes from the queue to a file with every frame of its plan", async () => {
  await using server = await startServer();
  const asked = await server.start({ prompt: "A ball bounces.", durationSeconds: "3" });
  assert.equal(asked.links.self, `/api/sessions/${asked.id}`);
  const view = await server.ended(asked.id);
  assert.equal(view.state, "completed");
  assert.equal(view.plan.frames, 73);
  assert.deepEqual(view.frameMap, [{ start: 0, end: 73, state: "final" }]);
  assert.equal(view.progress.percent, 100);
  assert.equal(view.progress.phase, "ended");
  assert.equal(view.video?.frames, 73);
  assert.equal(view.prompt.tokens, 3);
  assert.equal(await framesInFile(view, server), 73);
  assert.deepEqual(await server.view(asked.id), view);
});

Deno.test("the event log tells every step, has ids without holes, and ends with the end state", async () => {
  await using server = await startServer();
  const { id } = await server.start({ durationSeconds: "3", steps: "4" });
  const events = await Array.fromAsync(server.sessions.events(id, 0, new AbortController().signal));
  assert.deepEqual(events.map((event) => event.id), events.map((_, index) => index + 1));
  const steps = events.flatMap(({ event, data }) =>
    event === "progress" && data.progress.phase === "sampling" ? [data] : []
  )
    .filter(({ progress }) => progress.step > 0);
  assert.equal(new Set(steps.map(({ progress }) => `${progress.section}/${progress.step}`)).size, 8);
  const percents = events.flatMap(({ event, data }) => event === "progress" ? [data.progress.percent] : []);
  assert.deepEqual(percents, percents.toSorted((a, b) => a - b));
  assert.ok(percents.every((percent) => percent < 100));
  for (const { event, data } of events) {
    if (event !== "frameMap") continue;
    assert.equal(data.frameMap[0]?.start, 0);
    assert.equal(data.frameMap.at(-1)?.end, 73);
  }
  const last = events.at(-1)!;
  assert.equal(last.event, "state");
  assert.equal((last.data as SessionView).state, "completed");
});

Deno.test("a second session waits, says its place, and moves up", async () => {
  const engine = createGatedEngine();
  await using server = await startServer({ engine });
  const first = await server.start({ durationSeconds: "1" });
  await server.event(first.id, ({ event, data }) => event === "state" && runs(data));
  const second = await server.start({ durationSeconds: "1" });
  const third = await server.start({ durationSeconds: "1" });
  assert.deepEqual((await server.view(second.id)).queue, {
    place: 1,
    waiting: 2,
    running: 1,
    expectedStartSeconds: null,
  });
  assert.equal((await server.view(third.id)).queue?.place, 2);
  assert.equal((await server.view(first.id)).queue, undefined);
  engine.admit(1);
  await server.ended(first.id);
  await server.event(second.id, ({ event, data }) => event === "state" && runs(data));
  await server.event(third.id, ({ event, data }) => event === "state" && data.queue?.place === 1);
  engine.admit(2);
  assert.equal((await server.ended(second.id)).state, "completed");
  assert.equal((await server.ended(third.id)).state, "completed");
  assert.equal(engine.requests.length, 3);
});

for (const [schedule, kept] of [["inverted", { start: 76, end: 145 }], ["forward", { start: 0, end: 73 }]] as const) {
  Deno.test(`a stop keeps every finished section as a valid file (${schedule})`, async () => {
    const engine = createGatedEngine();
    await using server = await startServer({ engine });
    const { id } = await server.start({ schedule });
    engine.admit(2);
    await sectionDone(server, id, 2);
    const response = await server.request(`/api/sessions/${id}/stop`, { method: "POST" });
    assert.equal(response.status, 200);
    const view: SessionView = await response.json();
    assert.equal(view.state, "stopped");
    const frames = kept.end - kept.start;
    assert.deepEqual(view.frameMap.filter(({ state }) => state === "final"), [{ ...kept, state: "final" }]);
    assert.ok(view.frameMap.every(({ state }) => state === "final" || state === "planned"));
    assert.equal(view.video?.frames, frames);
    assert.equal(view.video?.firstFrameIndex, kept.start);
    assert.equal(await framesInFile(view, server), frames);
    assert.equal(view.progress.percent, 50);
    assert.equal(view.problem, undefined);
  });
}

Deno.test("a session stopped while queued has no file, and the queue goes on without it", async () => {
  const engine = createGatedEngine();
  await using server = await startServer({ engine });
  const first = await server.start({ durationSeconds: "1" });
  const second = await server.start({ durationSeconds: "1" });
  const third = await server.start({ durationSeconds: "1" });
  await server.request(`/api/sessions/${second.id}/stop`, { method: "POST" });
  const stopped = await server.view(second.id);
  assert.equal(stopped.state, "stopped");
  assert.equal(stopped.video, null);
  assert.equal((await server.request(stopped.links.video)).status, 409);
  assert.equal((await server.view(third.id)).queue?.waiting, 1);
  engine.admit(2);
  await server.ended(first.id);
  assert.equal((await server.ended(third.id)).state, "completed");
  assert.equal(engine.requests.length, 2);
});

Deno.test("stopping frees the engine at once, stopping again changes nothing", async () => {
  const engine = createGatedEngine();
  await using server = await startServer({ engine });
  const first = await server.start();
  const second = await server.start({ durationSeconds: "1" });
  await server.event(
    first.id,
    ({ event, data }) => event === "frameMap" && data.frameMap.some((r) => r.state === "sampling"),
  );
  await server.request(`/api/sessions/${first.id}/stop`, { method: "POST" });
  const again = await server.request(`/api/sessions/${first.id}/stop`, { method: "POST" });
  const view: SessionView = await again.json();
  assert.equal(view.state, "stopped");
  assert.deepEqual(view.frameMap, [{ start: 0, end: 145, state: "planned" }]);
  assert.equal(view.video, null);
  engine.admit(1);
  assert.equal((await server.ended(second.id)).state, "completed");
});

Deno.test("a deleted session is stopped and nothing of it stays", async () => {
  const engine = createGatedEngine();
  await using server = await startServer({ engine });
  const { id } = await server.start();
  engine.admit(1);
  await sectionDone(server, id, 1);
  assert.equal((await server.request(`/api/sessions/${id}`, { method: "DELETE" })).status, 204);
  assert.equal((await server.request(`/api/sessions/${id}`)).status, 404);
  assert.equal((await server.request(`/api/sessions/${id}`, { method: "DELETE" })).status, 404);
  assert.deepEqual(await (await server.request("/api/sessions")).json(), []);
  assert.deepEqual(await readdir(join(server.dataDir, "sessions")), []);
});

Deno.test("a full queue refuses with the number that wait", async () => {
  const engine = createGatedEngine();
  await using server = await startServer({ engine, queueLimit: 1 });
  const first = await server.start();
  await server.event(first.id, ({ event, data }) => event === "state" && runs(data));
  await server.start();
  await assert.rejects(server.start(), /"status":503.*1 videos are waiting already/);
});

Deno.test("seed -1 is drawn, and the view tells which", async () => {
  const engine = createGatedEngine();
  await using server = await startServer({ engine });
  const views = [await server.start({ seed: "-1" }), await server.start({ seed: "-1" })];
  const seeds = views.map(({ settings }) => settings.seed);
  assert.ok(seeds.every((seed) => Number.isInteger(seed) && seed >= 0));
  assert.notEqual(seeds[0], seeds[1]);
  await server.event(views[0]!.id, ({ event, data }) => event === "frameMap" && data.frameMap.length > 1);
  assert.equal(engine.requests[0]?.settings.seed, seeds[0]);
});

Deno.test("the recipe stands in the file, unless it was not wanted", async () => {
  await using server = await startServer();
  const settings = { durationSeconds: "1", prompt: "a very special prompt" };
  const kept = await server.ended((await server.start(settings)).id);
  const bare = await server.ended((await server.start({ ...settings, keepRecipe: "false" })).id);
  const bytes = async ({ id }: SessionView) =>
    (await readFile(join(server.dataDir, "sessions", id, "video.mp4"))).toString("latin1");
  assert.match(await bytes(kept), /"prompt":"a very special prompt"/);
  assert.doesNotMatch(await bytes(bare), /a very special prompt/);
});

/** ffmpeg as it is when the file it writes has no room: the same program, writing to a device that is always full. */
async function ffmpegOnFullDisk(): Promise<Ffmpeg & { isFull: boolean }> {
  const ffmpeg = await findFfmpeg();
  const full = {
    ...ffmpeg,
    isFull: true,
    start: (args: readonly string[]) =>
      ffmpeg.start(args.map((arg) => full.isFull && arg.endsWith(".part") ? "/dev/full" : arg)),
  };
  return full;
}

Deno.test("a full disk while recording: a clear reason, the frames are kept, and the file is written when there is room", async () => {
  const ffmpeg = await ffmpegOnFullDisk();
  await using server = await startServer({ tools: { ffmpeg } });
  const view = await server.ended((await server.start({ durationSeconds: "1" })).id);
  assert.equal(view.state, "failed");
  assert.match(view.problem!.type, /problem-disk-full$/);
  assert.match(
    view.problem!.detail,
    /^The disk is full. The 1.2 s made so far are kept. Free some space, then download/,
  );
  assert.equal(view.video, null);
  assert.ok(view.progress.percent < 100);
  await server.ended((await server.start({ durationSeconds: "1" })).id); // the next session takes nothing away

  const refused = await server.request(view.links.video);
  assert.equal(refused.status, 507);
  assert.match((await refused.json()).type, /disk-full/);
  ffmpeg.isFull = false;
  const file = await server.request(view.links.video);
  assert.equal(file.status, 200);
  assert.ok((await file.arrayBuffer()).byteLength > 0);
  const later = await server.view(view.id);
  assert.equal(later.video?.frames, 37);
  assert.equal(await framesInFile(later, server), 37);
});

Deno.test("while the model is made ready, who waits is told what is being loaded", async () => {
  const engine = createGatedEngine("cold");
  await using server = await startServer({ engine });
  const { id } = await server.start({ durationSeconds: "1" });
  const told = await server.event(id, ({ event, data }) => event === "progress" && data.progress.phase === "loading");
  assert.equal((told.data as SessionView).progress.loading, "transformer, 1 of 3");
  const health = await (await server.request("/api/health")).json();
  assert.equal(health.engine.state, "starting");
  assert.equal((await (await server.request("/api/models")).json())[0].state, "loading");
  engine.finishLoading();
  engine.admit(1);
  const view = await server.ended(id);
  assert.equal(view.state, "completed");
  assert.equal(view.progress.loading, undefined);
  assert.equal((await (await server.request("/api/models")).json())[0].state, "ready");
});

Deno.test("a model folder that is damaged fails the session with the file's name, and the next session works", async () => {
  await using server = await startServer({
    engine: failingOnce(new CheckpointError('"vae/diffusion_pytorch_model.safetensors" ends after 12 of 5290 bytes')),
  });
  const failed = await server.ended((await server.start({ durationSeconds: "1" })).id);
  assert.equal(failed.state, "failed");
  assert.match(failed.problem!.type, /problem-model-broken$/);
  assert.match(failed.problem!.detail, /vae\/diffusion_pytorch_model.safetensors.* Nothing was finished yet\.$/);
  assert.equal((await server.ended((await server.start({ durationSeconds: "1" })).id)).state, "completed");
});

/** An engine that fails before its first event, once. */
function failingOnce(error: Error): Engine {
  const engine = createGatedEngine();
  engine.failWith(error);
  engine.admit(1);
  return engine;
}
