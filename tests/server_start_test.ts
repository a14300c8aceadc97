/**
 * How the server begins and ends, as a user sees it.
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { HealthView, SessionEvent, SessionView } from "../src/session/mod.ts";
import { canSeeProcesses, descendantsOf, stillRunningAfter, type SystemProcess } from "./processes.ts";
import { startServerProcess } from "./server_process.ts";
import { runTask } from "./task_command.ts";

/** A folder that goes away with its owner. */
async function temporaryFolder(): Promise<{ readonly path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), "framecast-start-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) };
}

/** The one line a server that cannot start says. */
async function refusal(env: Readonly<Record<string, string>>): Promise<string> {
  await using data = await temporaryFolder();
  const { code, stdout, stderr } = await runTask("start", [], {
    FRAMECAST_PORT: "0",
    FRAMECAST_DATA_DIR: data.path,
    ...env,
  });
  assert.equal(code, 1);
  assert.equal(stdout, "");
  assert.match(stderr, /^[^\n]+\n$/, "one line");
  return stderr.trimEnd();
}

Deno.test("a data folder that another server uses is one sentence, and that server goes on", async () => {
  await using first = await startServerProcess();
  assert.match(
    await refusal({ FRAMECAST_DATA_DIR: first.dataDir }),
    /^framecast cannot start\. Cannot use FRAMECAST_DATA_DIR=".*": .*another framecast uses this folder$/,
  );
  assert.equal((await first.request("/api/health")).status, 200);
});

const sampling = ({ event, data }: SessionEvent) => event === "progress" && data.progress.phase === "sampling";

Deno.test("the first line holds the whole address, and the server answers there", async () => {
  await using server = await startServerProcess();
  assert.match(server.firstLine, /^framecast listens on http:\/\/127\.0\.0\.1:\d+$/);
  const health = await (await server.request("/api/health")).json();
  assert.ok(["ok", "starting"].includes(health.status), health.status);
});

Deno.test("a port in use is one sentence with the cure", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  assert.equal(
    await refusal({ FRAMECAST_PORT: String(port) }),
    `framecast cannot start. Port ${port} of 127.0.0.1 is in use: set FRAMECAST_PORT to another, or end what uses it`,
  );
});

Deno.test("a bad setting is one sentence that names the variable and its value", async () => {
  assert.equal(
    await refusal({ FRAMECAST_PORT: "eighty" }),
    'framecast cannot start. FRAMECAST_PORT="eighty" must be a whole number from 0 to 65535',
  );
});

Deno.test("a GPU that is named twice is one sentence that names the variable and its value", async () => {
  assert.equal(
    await refusal({ FRAMECAST_DEVICE: "cuda:0,cuda:0" }),
    'framecast cannot start. FRAMECAST_DEVICE="cuda:0,cuda:0" must name each GPU once',
  );
});

Deno.test("with two devices two videos are made at once, and SIGTERM keeps what there is of both", async () => {
  await using data = await temporaryFolder();
  const env = { FRAMECAST_ENGINE: "test-pattern", FRAMECAST_DEVICE: "cuda:0,cuda:1" };
  const ids: string[] = [];
  {
    await using server = await startServerProcess({ dataDir: data.path, env });
    for (let count = 0; count < 3; count++) ids.push((await server.start({ durationSeconds: "60", steps: "2" })).id);
    for (const id of ids.slice(0, 2)) {
      await server.event(id, ({ event, data }) => event === "progress" && data.timings.sections.length === 1);
    }
    const health: HealthView = await (await server.request("/api/health")).json();
    assert.deepEqual(health.sessions, { running: 2, queued: 1 });
    assert.deepEqual(health.engines, [{ device: "GPU 0", state: "running" }, { device: "GPU 1", state: "running" }]);
    assert.equal((await server.view(ids[2]!)).queue?.place, 1);
  }
  await using later = await startServerProcess({ dataDir: data.path, env });
  for (const id of ids.slice(0, 2)) {
    const { state, video } = await later.view(id);
    assert.equal(state, "stopped");
    assert.ok(video!.frames >= 33);
  }
  await later.event(ids[2]!, ({ event, data }) => event === "state" && data.state === "running");
});

Deno.test({
  name: "each device has an engine process, and a GPU that is not there is named",
  ignore: !canSeeProcesses,
  async fn() {
    await using server = await startServerProcess({ env: { FRAMECAST_DEVICE: "cuda:97,cuda:98" } });
    const { problem } = await server.ended((await server.start({ durationSeconds: "1" })).id);
    assert.match(problem!.type, /problem-gpu-missing$/);
    assert.match(problem!.detail, /^Cannot use CUDA device 9[78]: /);
    const processes = await descendantsOf(server.pid);
    const engines = processes.filter(({ arguments: words }) => words.some((word) => word.endsWith("host.ts")));
    assert.equal(engines.length, 2);
    server.signal("SIGTERM");
    await server.status;
    assert.deepEqual(await stillRunningAfter(0, processes), []);
  },
});

Deno.test("an address that is not this computer's is named", async () => {
  assert.equal(
    await refusal({ FRAMECAST_HOST: "10.255.255.254" }),
    'framecast cannot start. FRAMECAST_HOST="10.255.255.254" is no address of this computer',
  );
});

Deno.test("an ffmpeg that is not there is one sentence with the cure", async () => {
  const line = await refusal({ FRAMECAST_FFMPEG: "/nonexistent/ffmpeg" });
  assert.match(line, /FRAMECAST_FFMPEG/);
  assert.match(line, /"\/nonexistent\/ffmpeg" cannot be started: there is no such program/);
});

Deno.test({
  name: "SIGTERM while a session runs: what is made is kept, and no process stays",
  ignore: !canSeeProcesses,
  async fn() {
    await using data = await temporaryFolder();
    await using server = await startServerProcess({ dataDir: data.path });
    const { id } = await server.start({ durationSeconds: "120", steps: "25" });
    await server.event(id, sampling);
    const processes = await descendantsOf(server.pid);
    assert.ok(
      processes.some((process) => process.arguments.some((word) => word.endsWith("host.ts"))),
      "an engine runs",
    );
    const startMs = performance.now();
    server.signal("SIGTERM");
    const { code } = await server.status;
    const seconds = (performance.now() - startMs) / 1000;
    assert.equal(code, 0);
    assert.ok(seconds < 3, `it took ${seconds.toFixed(1)} s`);
    assert.deepEqual(await stillRunningAfter(0, processes), []);

    await using later = await startServerProcess({ dataDir: data.path });
    const view = await later.view(id);
    assert.equal(view.state, "stopped");
    assert.equal(view.problem, undefined);
  },
});

Deno.test({
  name: "SIGTERM while the model is being loaded ends everything as well",
  ignore: !canSeeProcesses,
  async fn() {
    await using server = await startServerProcess();
    const processes = await descendantsOf(server.pid);
    server.signal("SIGTERM");
    assert.equal((await server.status).code, 0);
    assert.deepEqual(await stillRunningAfter(0, processes), []);
  },
});

Deno.test({
  name: "a video whose server was killed, or whose engine was, is gone on with to the same bytes",
  ignore: !canSeeProcesses,
  async fn() {
    await using data = await temporaryFolder();
    const settings = { durationSeconds: "3.6", steps: "2", seed: "7", keepRecipe: "false" };
    let whole: Uint8Array;
    let id: string;
    {
      await using server = await startServerProcess({ dataDir: data.path });
      const { links } = await server.ended((await server.start(settings)).id);
      whole = await (await server.request(links.video)).bytes();
      id = (await server.start(settings)).id;
      await server.event(id, ({ event, data }) => event === "progress" && data.timings.sections.length === 1);
      server.signal("SIGKILL");
      await server.status;
    }
    await using later = await startServerProcess({ dataDir: data.path });
    const { state, links } = await later.ended(id);
    assert.equal(state, "completed");
    assert.ok(Buffer.from(await (await later.request(links.video)).bytes()).equals(whole));

    const again = await later.start(settings);
    await later.event(again.id, ({ event, data }) => event === "progress" && data.timings.sections.length === 1);
    const isEngine = ({ arguments: words }: SystemProcess) => words.some((word) => word.endsWith("host.ts"));
    Deno.kill((await descendantsOf(later.pid)).find(isEngine)!.pid, "SIGKILL");
    const after = await later.ended(again.id);
    assert.deepEqual([after.state, after.problem], ["completed", undefined]);
    assert.ok(Buffer.from(await (await later.request(after.links.video)).bytes()).equals(whole));
  },
});

Deno.test({
  name: "a server that was killed finds its finished sessions again and tells which one it interrupted",
  ignore: !canSeeProcesses,
  async fn() {
    await using data = await temporaryFolder();
    let processes;
    let finished: SessionView;
    let interrupted: SessionView;
    {
      await using server = await startServerProcess({ dataDir: data.path });
      finished = await server.ended((await server.start({ durationSeconds: "1", steps: "1" })).id);
      assert.equal(finished.state, "completed");
      interrupted = await server.start({ durationSeconds: "120", steps: "25" });
      await server.event(interrupted.id, sampling);
      processes = await descendantsOf(server.pid);
      server.signal("SIGKILL");
      await server.status;
    }
    await using later = await startServerProcess({ dataDir: data.path });
    assert.deepEqual(await later.view(finished.id), finished);
    const video = new Uint8Array(await (await later.request(finished.links.video)).arrayBuffer());
    assert.equal(video.length, finished.video!.sizeBytes);
    const failed = await later.view(interrupted.id);
    assert.equal(failed.state, "failed");
    assert.match(failed.problem!.type, /problem-server-died$/);
    assert.deepEqual(await readdir(join(data.path, "sessions", interrupted.id)), ["start"]);
    const left = await stillRunningAfter(20, processes); // they see the end of their input
    for (const process of left) Deno.kill(process.pid, "SIGKILL");
    assert.deepEqual(left, []);
  },
});
