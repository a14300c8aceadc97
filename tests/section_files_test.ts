/**
 * Single sections as files, while a video is made and afterwards.
 */
import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { findFfmpeg } from "../src/ffmpeg.ts";
import { readFileFrames } from "../src/session/file_frames.ts";
import type { SessionView } from "../src/session/mod.ts";
import { readBlockCode } from "./block_code.js";
import { createGatedEngine } from "./gated_engine.ts";
import { startServer, type TestServer } from "./server_fixture.ts";

const sectionDone = (server: TestServer, id: string, section: number) =>
  server.event(id, ({ event, data }) => event === "progress" && data.timings.sections.length === section);

const addressOf = ({ links }: SessionView, section: number | string) => links.sections.replace("{n}", String(section));

async function temporaryFile(bytes: ArrayBuffer): Promise<{ readonly path: string } & AsyncDisposable> {
  const path = await Deno.makeTempFile({ suffix: ".mp4" });
  await Deno.writeFile(path, new Uint8Array(bytes));
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path) };
}

/** What the pictures of a section's file say: the number of each frame, and whether it is final. */
async function codesOf(bytes: ArrayBuffer, view: SessionView, section: number) {
  await using file = await temporaryFile(bytes);
  const { start, end } = view.plan.sections[section - 1]!;
  const codes = [];
  const range = { first: 0, frames: end - start };
  for await (const pixels of readFileFrames(await findFfmpeg(), file.path, view.plan, range, 1)) {
    codes.push(readBlockCode({ width: view.plan.widthPx, height: view.plan.heightPx, data: pixels }));
  }
  return codes;
}

const rangeOf = ({ start, end }: { start: number; end: number }) =>
  Array.from({ length: end - start }, (_, index) => start + index);

Deno.test("a section is a file as soon as it is decoded, with every frame in its place", async () => {
  const engine = createGatedEngine();
  await using server = await startServer({ engine });
  const view = await server.start({ durationSeconds: "3" });
  assert.equal((await server.request(addressOf(view, 1))).status, 404);
  engine.admit(1);
  await sectionDone(server, view.id, 1);
  const early = await server.request(addressOf(view, 1));
  assert.equal(early.status, 200);
  assert.equal(early.headers.get("content-type"), "video/mp4");
  assert.equal(early.headers.get("cache-control"), "private, no-cache");
  const codes = await codesOf(await early.arrayBuffer(), view, 1);
  assert.deepEqual(codes.map((code) => code?.frame), rangeOf(view.plan.sections[0]!));
  assert.ok(codes.every((code) => code?.section === 1));
  assert.ok(codes.some((code) => code?.state === "provisional"));
  assert.equal((await server.request(addressOf(view, 2))).status, 404);

  engine.admit(1);
  await server.ended(view.id);
  const late = await server.request(addressOf(view, 1));
  assert.notEqual(late.headers.get("etag"), early.headers.get("etag"));
  const lateCodes = await codesOf(await late.arrayBuffer(), view, 1);
  assert.deepEqual(lateCodes.map((code) => code?.frame), rangeOf(view.plan.sections[0]!));
  assert.ok(lateCodes.every((code) => code?.state === "final"));
});

Deno.test("a section's file comes with byte ranges and validators", async () => {
  await using server = await startServer();
  const view = await server.ended((await server.start({ durationSeconds: "1" })).id);
  const get = (headers: Record<string, string> = {}) => server.request(addressOf(view, 1), { headers });
  const whole = await get();
  const bytes = new Uint8Array(await whole.arrayBuffer());
  const etag = whole.headers.get("etag")!;
  const part = await get({ range: "bytes=10-19", "if-range": etag });
  assert.equal(part.status, 206);
  assert.deepEqual(new Uint8Array(await part.arrayBuffer()), bytes.slice(10, 20));
  assert.equal((await get({ "if-none-match": etag })).status, 304);
  assert.equal((await get({ range: `bytes=${bytes.length}-` })).status, 416);
});

Deno.test({
  name: "a section's file has the right number of frames at 30/1 and starts with a key frame (needs ffprobe)",
  ignore: !await new Deno.Command("ffprobe", { args: ["-version"], stdout: "null" }).output().then(
    () => true,
    () => false,
  ),
  async fn() {
    await using server = await startServer();
    const view = await server.ended((await server.start({ durationSeconds: "3" })).id);
    for (const [index, { start, end }] of view.plan.sections.entries()) {
      const bytes = await (await server.request(addressOf(view, index + 1))).arrayBuffer();
      await using file = await temporaryFile(bytes);
      const args = ["-v", "error", "-show_frames", "-show_streams", "-of", "json", file.path];
      const { stdout } = await new Deno.Command("ffprobe", { args }).output();
      const { streams: [stream], frames } = JSON.parse(new TextDecoder().decode(stdout));
      assert.equal(frames.length, end - start);
      assert.deepEqual([stream.codec_name, stream.r_frame_rate], ["h264", "30/1"]);
      assert.equal(frames[0].key_frame, 1);
      assert.equal(Number(frames[0].pts_time), 0);
    }
  },
});

Deno.test("sections of a finished video are there after a restart, cut from its file", async () => {
  const engine = createGatedEngine();
  await using server = await startServer({ engine });
  const { id } = await server.start({ durationSeconds: "5" });
  engine.admit(2);
  await sectionDone(server, id, 2);
  await server.request(`/api/sessions/${id}/stop`, { method: "POST" });
  const view = await server.view(id);
  assert.ok(view.video!.firstFrameIndex > 0);
  await server.stop();
  await using later = await startServer({ dataDir: server.dataDir });
  for (const section of [1, 2]) {
    const answer = await later.request(addressOf(view, section));
    assert.equal(answer.status, 200);
    const codes = await codesOf(await answer.arrayBuffer(), view, section);
    assert.deepEqual(codes.map((code) => code?.frame), rangeOf(view.plan.sections[section - 1]!));
  }
  assert.equal((await later.request(addressOf(view, 3))).status, 404);
});

Deno.test("sections that many ask for at once are encoded once each, one after the other", async () => {
  const ffmpeg = await findFfmpeg();
  let [running, most, started] = [0, 0, 0];
  const counted = {
    ...ffmpeg,
    start(args: readonly string[]) {
      const process = ffmpeg.start(args);
      if (!args.at(-1)!.includes("/sections/")) return process;
      started++;
      most = Math.max(most, ++running);
      void process.status.then(() => running--);
      return process;
    },
  };
  await using server = await startServer({ tools: { ffmpeg: counted } });
  const view = await server.ended((await server.start({ durationSeconds: "5" })).id);
  const sections = view.plan.sections.map((_, index) => index + 1);
  const answers = await Promise.all([...sections, ...sections].map((n) => server.request(addressOf(view, n))));
  assert.deepEqual(answers.map(({ status }) => status), answers.map(() => 200));
  for (const answer of answers) await answer.body?.cancel();
  assert.equal(started, sections.length);
  assert.equal(most, 1);
});

Deno.test("a session that is deleted takes its sections along, those being made too", async () => {
  await using server = await startServer();
  const view = await server.ended((await server.start({ durationSeconds: "5" })).id);
  const asked = view.plan.sections.map((_, index) => server.request(addressOf(view, index + 1)));
  const deleted = await server.request(view.links.self, { method: "DELETE" });
  assert.equal(deleted.status, 204);
  for (const answer of await Promise.all(asked)) {
    assert.ok([200, 404].includes(answer.status), await answer.clone().text());
    await answer.body?.cancel();
  }
  assert.deepEqual(await readdir(join(server.dataDir, "sessions")), []);
});

Deno.test("a section that cannot be is refused", async () => {
  await using server = await startServer();
  const view = await server.ended((await server.start({ durationSeconds: "1" })).id);
  for (const [section, status] of [["0", 422], ["x", 422], ["-1", 422], ["1.5", 422], ["2", 404], ["9999", 404]]) {
    assert.equal((await server.request(addressOf(view, section!))).status, status, String(section));
  }
  for (const section of ["..%2f1", "1%2f..%2fvideo", "%00"]) {
    assert.equal((await server.request(addressOf(view, section))).status, 422, section);
  }
});
