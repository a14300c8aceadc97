/**
 * The engine in its process, with the embedded model: the same frames, stopped at once, lost without harm, fenced in.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import type { Engine, GenerationEvent, GenerationRequest } from "../src/engine/mod.ts";
import { createFramePackEngine } from "../src/engine/framepack_engine.ts";
import { createProcessEngine } from "../src/engine/process_engine.ts";
import type { SessionEvent } from "../src/session/mod.ts";
import type { FrameBatch, PreviewClip } from "../src/video.ts";
import { example, exampleBlob, exampleRequest } from "./emoji.ts";
import { canSeeProcesses, descendantsOf, stillRunningAfter, type SystemProcess } from "./processes.ts";
import { type ServerProcess, startServerProcess } from "./server_process.ts";
import { joinWhep } from "./whep_receiver.ts";

const cpu = { device: { kind: "cpu" } } as const;
const never = new AbortController().signal;

async function batchesOf(engine: Engine, request: GenerationRequest): Promise<FrameBatch[]> {
  const batches: FrameBatch[] = [];
  for await (const event of engine.generate(request, never)) if (event.kind === "frames") batches.push(event.batch);
  return batches;
}

for (const schedule of ["inverted", "forward"] as const) {
  Deno.test(`frames through the engine process are those of the engine, bit for bit (${schedule})`, async () => {
    const request = await exampleRequest({ schedule });
    await using here = createFramePackEngine(cpu);
    await using there = createProcessEngine(cpu);
    const expected = await batchesOf(here, request);
    const frames = expected.filter(({ state }) => state === "final").reduce(
      (sum, { pixels }) => sum + pixels.length / (96 * 96 * 3),
      0,
    );
    assert.equal(frames, 73);
    assert.deepEqual(await batchesOf(there, request), expected);
    assert.deepEqual(await batchesOf(there, request), expected, "and once more from the same process");
  });

  Deno.test(`previews change no frame, and come through the engine process as they are (${schedule})`, async () => {
    const request = await exampleRequest({ schedule, previews: true });
    await using here = createFramePackEngine(cpu);
    await using there = createProcessEngine(cpu);
    const plain = await batchesOf(here, await exampleRequest({ schedule }));
    const local = await Array.fromAsync(here.generate(request, never));
    const remote = await Array.fromAsync(there.generate(request, never));
    for (const events of [local, remote]) {
      assert.deepEqual(events.flatMap((event) => event.kind === "frames" ? [event.batch] : []), plain);
    }
    // One of two steps, and no later one that could take its place.
    assert.deepEqual(clipsOf(remote), clipsOf(local));
    const joint = {
      inverted: [{ start: 40, end: 73 }, { start: 0, end: 41 }],
      forward: [{ start: 0, end: 37 }, { start: 36, end: 73 }],
    };
    assert.deepEqual(clipsOf(local).map(({ range }) => range), joint[schedule]);
    for (const clip of clipsOf(local)) assert.ok(differenceOf(clip, plain) < 8, "it resembles what is made of it");
  });
}

const clipsOf = (events: readonly GenerationEvent[]) =>
  events.flatMap((event) => event.kind === "preview" ? [event.clip] : []);

/** Mean distance, in 255ths, of a clip's pictures from the final frames they stand for, each shrunk to the clip's size. */
function differenceOf(
  { range, pictures, widthPx, heightPx, pixels }: PreviewClip,
  batches: readonly FrameBatch[],
): number {
  const frameBytes = 96 * 96 * 3;
  const video = new Uint8Array(73 * frameBytes);
  for (const batch of batches) if (batch.state === "final") video.set(batch.pixels, batch.firstFrameIndex * frameBytes);
  let sum = 0;
  for (let i = 0; i < pictures * heightPx * widthPx * 3; i++) {
    const [channel, column] = [i % 3, Math.floor(i / 3) % widthPx];
    const [row, picture] = [Math.floor(i / 3 / widthPx) % heightPx, Math.floor(i / 3 / widthPx / heightPx)];
    let block = 0;
    for (let at = 0; at < 64; at++) {
      const [y, x] = [row * 8 + (at >> 3), column * 8 + (at & 7)];
      block += video[(range.start + 4 * picture) * frameBytes + (y * 96 + x) * 3 + channel]!;
    }
    sum += Math.abs(block / 64 - pixels[i]!);
  }
  return sum / pixels.length;
}

const isEngine = ({ arguments: words }: SystemProcess) => words.some((word) => word.endsWith("/src/engine/host.ts"));

async function enginesOf(pid: number): Promise<SystemProcess[]> {
  return (await descendantsOf(pid)).filter(isEngine);
}

Deno.test({
  name: "a stop inside a step ends it at once, and the same process makes the next video",
  ignore: !canSeeProcesses,
  async fn() {
    await using engine = createProcessEngine(cpu);
    const expected = await batchesOf(engine, await exampleRequest({ durationSeconds: 1 }));
    const before = await enginesOf(Deno.pid);
    const stop = new AbortController();
    const reason = new Error("Enough");
    const large = await exampleRequest({ widthPx: 320, heightPx: 320, steps: 25, durationSeconds: 120 });
    const events = engine.generate(large, stop.signal)[Symbol.asyncIterator]();
    let stepSeconds = 0;
    while (stepSeconds === 0) {
      const { value } = await events.next();
      if (value.kind === "step") stepSeconds = value.seconds;
    }
    const startMs = performance.now();
    stop.abort(reason);
    await assert.rejects(async () => {
      while (!(await events.next()).done);
    }, reason);
    const seconds = (performance.now() - startMs) / 1000;
    const patience = Math.max(1, stepSeconds / 2); // on a busy computer everything takes longer
    assert.ok(seconds < patience, `it took ${seconds.toFixed(2)} s; a step takes ${stepSeconds.toFixed(2)} s`);
    assert.deepEqual(await batchesOf(engine, await exampleRequest({ durationSeconds: 1 })), expected);
    assert.deepEqual(await enginesOf(Deno.pid), before);
  },
});

Deno.test({
  name: "an engine that is killed while it has nothing to do is replaced without a word",
  ignore: !canSeeProcesses,
  async fn() {
    await using engine = createProcessEngine(cpu);
    const request = await exampleRequest({ durationSeconds: 1, steps: 1 });
    const expected = await batchesOf(engine, request);
    const [idle] = await enginesOf(Deno.pid);
    Deno.kill(idle!.pid, "SIGKILL");
    assert.deepEqual(await stillRunningAfter(20, [idle!]), []);
    assert.deepEqual(await batchesOf(engine, request), expected);
    assert.notEqual((await enginesOf(Deno.pid))[0]?.pid, idle!.pid);
  },
});

const secondStep = ({ event, data }: SessionEvent) => event === "progress" && data.progress.step >= 2;

async function cupcakeSession(server: ServerProcess, settings: Readonly<Record<string, string>>) {
  return await server.start({ prompt: example.prompt, ...settings }, await exampleBlob());
}

Deno.test({
  name: "kill -9 of the engine: the server lives, viewers keep their picture, the next video has a new engine",
  ignore: !canSeeProcesses,
  async fn() {
    await using server = await startServerProcess();
    const { id, links } = await cupcakeSession(server, { durationSeconds: "120", steps: "25" });
    await using viewer = await joinWhep((body) =>
      server.request(links.whep, { method: "POST", headers: { "content-type": "application/sdp" }, body })
    );
    await viewer.pictures(5);
    await server.event(id, secondStep);
    const [lost, ...others] = await enginesOf(server.pid);
    assert.ok(lost && others.length === 0, "one engine runs");
    Deno.kill(lost.pid, "SIGKILL");

    const failed = await server.ended(id);
    assert.equal(failed.state, "failed");
    assert.match(failed.problem!.type, /problem-engine-lost$/);
    assert.match(failed.problem!.detail, /^The engine stopped in section \d+; the next video starts a new one\. /);
    assert.equal(failed.problem!["reason"], "The engine process was lost: it was ended by SIGKILL");
    await viewer.pictures(30);
    assert.equal(viewer.connectionState, "connected");

    const next = await server.ended((await cupcakeSession(server, { durationSeconds: "1", steps: "2" })).id);
    assert.equal(next.state, "completed");
    const [engine, ...more] = await enginesOf(server.pid);
    assert.ok(engine && more.length === 0, "one engine runs again");
    assert.notEqual(engine.pid, lost.pid);
    await viewer.pictures(30);
    assert.equal(viewer.connectionState, "connected");
    assert.equal((await server.view(id)).viewers, 1);
  },
});

/** What the fence of the engine must keep inside, tried one by one. Arguments: a file to read, an open port. */
const attempts = `
  const tries = {
    fetch: () => fetch("http://127.0.0.1:" + Deno.args[1]),
    connect: () => Deno.connect({ hostname: "127.0.0.1", port: Number(Deno.args[1]) }),
    listen: () => Deno.listen({ port: 0 }),
    resolve: () => Deno.resolveDns("localhost", "A"),
    program: () => new Deno.Command(Deno.execPath(), { args: ["--version"] }).output(),
    write: () => Deno.writeTextFile("written", "x"),
    read: () => Deno.readTextFile(Deno.args[0]),
  };
  const outcomes = {};
  for (const [name, attempt] of Object.entries(tries)) {
    outcomes[name] = await Promise.resolve().then(attempt).then(() => "done", (error) => error.name);
  }
  console.log(JSON.stringify(outcomes));
`;

Deno.test({
  name: "the engine process may read, and has no network, no programs and no files to write",
  ignore: !canSeeProcesses,
  async fn() {
    await using engine = createProcessEngine(cpu);
    await batchesOf(engine, await exampleRequest({ durationSeconds: 1, steps: 1 }));
    const [process] = await enginesOf(Deno.pid);
    const [program, ...args] = process!.arguments;
    const fence = args.slice(0, args.findIndex((word) => word.endsWith("host.ts")));
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const folder = await Deno.makeTempDir({ prefix: "framecast-fence-" });
    try {
      const script = join(folder, "attempts.ts");
      await Deno.writeTextFile(script, attempts);
      const { port } = listener.addr as Deno.NetAddr;
      const command = new Deno.Command(program!, { args: [...fence, script, script, String(port)], cwd: folder });
      const { stdout } = await command.output();
      assert.deepEqual(JSON.parse(new TextDecoder().decode(stdout)), {
        fetch: "NotCapable",
        connect: "NotCapable",
        listen: "NotCapable",
        resolve: "NotCapable",
        program: "NotCapable",
        write: "NotCapable",
        read: "done",
      });
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});
