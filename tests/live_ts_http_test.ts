/**
 * The transport stream of a session and of a channel, as HTTP gives it and ffmpeg decodes it.
 */
import assert from "node:assert/strict";
import { findFfmpeg } from "../src/ffmpeg.ts";
import { createGatedEngine } from "./gated_engine.ts";
import { readBlockCode } from "./block_code.js";
import { startServer, type TestServer } from "./server_fixture.ts";

const packetBytes = 188;

/**
 * Whole packets of a stream until `pictures` have begun after the first; then the reader leaves.
 * @param since counts only from then on
 */
async function readPictures(
  response: Response,
  pictures: number,
  since: Promise<void> = Promise.resolve(),
): Promise<Uint8Array<ArrayBuffer>> {
  assert.equal(response.status, 200);
  const parts: Uint8Array[] = [];
  let begun = -Infinity;
  void since.then(() => begun = 0);
  for await (const part of response.body!) {
    assert.equal(part.length % packetBytes, 0);
    for (let at = 0; at < part.length; at += packetBytes) {
      assert.equal(part[at], 0x47, "sync_byte");
      const pid = ((part[at + 1]! & 0x1f) << 8) | part[at + 2]!;
      if (pid === 0x100 && part[at + 1]! & 0x40) begun++; // payload_unit_start_indicator
    }
    parts.push(part);
    if (begun > pictures) break;
  }
  return new Uint8Array(await new Blob(parts as BlobPart[]).arrayBuffer());
}

/** What each decoded picture says; pictures of any size are scaled to one. */
async function codesOf(stream: Uint8Array<ArrayBuffer>) {
  const size = 96;
  const scale = ["-vf", `scale=${size}:${size}:flags=area`, "-f", "rawvideo", "-pix_fmt", "rgb24", "pipe:1"];
  await using process = (await findFfmpeg()).start([
    ...["-v", "error", "-f", "mpegts", "-i", "pipe:0", "-vsync", "passthrough"],
    ...scale,
  ]);
  const writer = process.writable.getWriter();
  void writer.write(stream).then(() => writer.close());
  const pixels = new Uint8Array(await new Response(process.readable).arrayBuffer());
  assert.equal((await process.status).stderrTail, "");
  const pictureBytes = size * size * 3;
  return Array.from(
    { length: pixels.length / pictureBytes },
    (_, n) =>
      readBlockCode({ width: size, height: size, data: pixels.subarray(n * pictureBytes, (n + 1) * pictureBytes) }),
  );
}

async function finished(server: TestServer, settings: Record<string, string>) {
  return await server.ended((await server.start(settings)).id);
}

Deno.test("live.ts of a finished session: its frames one after the other, from a key frame on", async () => {
  await using server = await startServer();
  const { links } = await finished(server, { durationSeconds: "1" });
  const response = await server.request(`${links.liveTs}?view=growing&wait=loop&previews=hidden`);
  assert.equal(response.headers.get("content-type"), "video/mp2t");
  assert.equal(response.headers.get("cache-control"), "no-store");
  assert.equal(response.headers.get("content-length"), null);
  const codes = await codesOf(await readPictures(response, 50));
  assert.ok(codes.length >= 49, `${codes.length} pictures`);
  const frames = codes.map((code) => code?.frame);
  for (const [n, frame] of frames.entries()) {
    if (n > 0) assert.equal(frame, (frames[n - 1]! + 1) % 37, frames.join(" "));
  }
});

Deno.test("live.ts: who leaves is gone, and HEAD lets nobody in", async () => {
  await using server = await startServer();
  const { id, links } = await finished(server, { durationSeconds: "1" });
  const response = await server.request(links.liveTs);
  const reader = response.body!.getReader();
  await reader.read();
  assert.equal((await server.view(id)).viewers, 1);
  await reader.cancel();
  assert.equal((await server.view(id)).viewers, 0);
  const head = await server.request(links.liveTs, { method: "HEAD" });
  assert.equal(head.status, 200);
  assert.equal(head.headers.get("content-type"), "video/mp2t");
  assert.equal((await server.view(id)).viewers, 0);
  assert.equal((await server.request(links.liveTs, { method: "POST" })).status, 405);
  assert.equal((await server.request(`${links.liveTs}?view=sideways`)).status, 422);
});

Deno.test("live.ts of a session that ended without a frame: there is nothing to watch", async () => {
  await using server = await startServer({ engine: createGatedEngine() });
  const first = await server.start();
  await server.request(`${first.links.self}/stop`, { method: "POST" });
  await server.stop();
  await using later = await startServer({ dataDir: server.dataDir });
  const nothing = await later.request(first.links.liveTs);
  assert.equal(nothing.status, 409);
  assert.match((await nothing.json()).type, /no-live-picture$/);
});

Deno.test("live.ts of a channel goes from one video to the next of another size, in one stream", async () => {
  const engine = createGatedEngine();
  await using server = await startServer({ engine });
  const response = await server.request("/api/channels/stage/live.ts?previews=hidden");
  const playout = await server.sessions.channels.watch("stage", "once", ({ live }) => Promise.resolve(live.playout()));
  const isOn = async (id: string) => {
    for await (const { video } of playout) if (video === id) return;
  };
  const secondIsOn = Promise.withResolvers<void>();
  const reading = readPictures(response, 90, secondIsOn.promise);
  const first = await server.start({ durationSeconds: "1", channel: "stage", resolution: "96x96" });
  engine.admit(1);
  await isOn(first.id);
  const second = await server.start({
    durationSeconds: "3",
    channel: "stage",
    resolution: "128x64",
    schedule: "forward",
  });
  engine.admit(2);
  await server.ended(second.id);
  secondIsOn.resolve();
  const codes = await codesOf(await reading);
  const frames = codes.flatMap((code) => code ? [code.frame] : []);
  const change = frames.findIndex((frame) => frame >= 37); // the first video has 37
  assert.ok(change > 0 && frames.includes(72), frames.join(" "));
});
