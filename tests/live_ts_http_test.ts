/**
 * The transport stream of a session and of a channel, as HTTP gives it and ffmpeg decodes it.
 */
import assert from "node:assert/strict";
import { findFfmpeg } from "../src/ffmpeg.ts";
import { createGatedEngine } from "./gated_engine.ts";
import { readBlockCode } from "./block_code.js";
import { startServer, type TestServer } from "./server_fixture.ts";

const packetBytes = 188;

interface TransportStream {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Presentation time of each picture, 90 kHz. */
  readonly times: readonly number[];
}

/**
 * Whole packets of a stream until `pictures` have begun after the first; then the reader leaves.
 * @param since counts only from then on
 */
async function readPictures(
  response: Response,
  pictures: number,
  since: Promise<void> = Promise.resolve(),
): Promise<TransportStream> {
  assert.equal(response.status, 200);
  const parts: Uint8Array<ArrayBuffer>[] = [];
  const times: number[] = [];
  let before = Infinity;
  void since.then(() => before = times.length);
  for await (const part of response.body!) {
    assert.equal(part.length % packetBytes, 0);
    for (let at = 0; at < part.length; at += packetBytes) times.push(...timeIn(part.subarray(at, at + packetBytes)));
    parts.push(part);
    if (times.length > before + pictures) break;
  }
  return { bytes: new Uint8Array(await new Blob(parts).arrayBuffer()), times };
}

/** The PTS (ISO/IEC 13818-1, 2.4.3.7) if a picture begins in this packet. */
function timeIn(packet: Uint8Array): number[] {
  assert.equal(packet[0], 0x47, "sync_byte");
  const pid = ((packet[1]! & 0x1f) << 8) | packet[2]!;
  const isStart = (packet[1]! & 0x40) !== 0; // payload_unit_start_indicator
  if (pid !== 0x100 || !isStart) return [];
  const adaptationBytes = packet[3]! & 0x20 ? 1 + packet[4]! : 0;
  const [a, b, c, d, e] = packet.subarray(4 + adaptationBytes + 9);
  return [(a! >> 1 & 7) * 2 ** 30 + (b! << 22) + (c! >> 1 << 15) + (d! << 7) + (e! >> 1)];
}

/** What each decoded picture says; pictures of any size are scaled to one. */
async function codesOf({ bytes }: TransportStream) {
  const size = 96;
  const scale = ["-vf", `scale=${size}:${size}:flags=area`, "-f", "rawvideo", "-pix_fmt", "rgb24", "pipe:1"];
  await using process = (await findFfmpeg()).start([
    ...["-v", "error", "-f", "mpegts", "-i", "pipe:0", "-vsync", "passthrough"],
    ...scale,
  ]);
  const writer = process.writable.getWriter();
  void writer.write(bytes).then(() => writer.close());
  const pixels = new Uint8Array(await new Response(process.readable).arrayBuffer());
  assert.equal((await process.status).stderrTail, "");
  const pictureBytes = size * size * 3;
  return Array.from({ length: pixels.length / pictureBytes }, (_, n) => {
    const data = pixels.subarray(n * pictureBytes, (n + 1) * pictureBytes);
    return readBlockCode({ width: size, height: size, data });
  });
}

/** The last pictures show a video of 37 frames in a loop: each is the frame of its time, even where some were left out. */
async function assertLoop(stream: TransportStream, pictures: number): Promise<void> {
  const frames = (await codesOf(stream)).map((code) => code?.frame);
  assert.ok(frames.length >= pictures && frames.length <= stream.times.length, `${frames.length} pictures`);
  for (let n = frames.length - pictures + 1; n < frames.length; n++) {
    const ticks = (stream.times[n]! - stream.times[n - 1]!) / 3000;
    assert.equal(frames[n], (frames[n - 1]! + ticks) % 37, `${n}: ${frames.join(" ")}`);
  }
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
  await assertLoop(await readPictures(response, 50), 49);
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
  assert.ok(change > 0, frames.join(" "));
});

Deno.test("live.ts of a channel: its video stays readable while other sessions come and go", async () => {
  const engine = createGatedEngine();
  await using server = await startServer({ engine });
  const shown = await server.start({ durationSeconds: "1", channel: "stage" });
  engine.admit(1);
  await server.ended(shown.id);
  const response = await server.request("/api/channels/stage/live.ts?end=loop&previews=hidden");
  const allAreOver = Promise.withResolvers<void>();
  const reading = readPictures(response, 45, allAreOver.promise);
  for (let other = 0; other < 3; other++) { // the frames of an ended session go when the next one ends
    engine.admit(1);
    await server.ended((await server.start({ durationSeconds: "1" })).id);
  }
  allAreOver.resolve();
  await assertLoop(await reading, 40);
});

Deno.test("live.ts: more channels than can be watched are refused, those that are left make room", async () => {
  await using server = await startServer({ engine: createGatedEngine() });
  const { channels } = server.sessions;
  const leave = Promise.withResolvers<void>();
  const watched = Array.from({ length: 32 }, (_, n) => channels.watch(`c${n}`, "once", () => leave.promise));
  const stream = (name: string) => server.request(`/api/channels/${name}/live.ts`);
  const refused = await stream("one-more");
  assert.equal(refused.status, 503);
  assert.ok(Number(refused.headers.get("retry-after")) > 0);
  const known = await stream("c7");
  assert.equal(known.status, 200);
  leave.resolve();
  await Promise.all(watched);
  const later = await stream("one-more");
  assert.equal(later.status, 200);
  for (const { body } of [known, later]) await body!.cancel();
});
