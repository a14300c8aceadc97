import assert from "node:assert/strict";
import { findFfmpeg } from "../ffmpeg.ts";
import { Rendition } from "./rendition.ts";
import { TransportFeed } from "./transport_feed.ts";

const ffmpeg = await findFfmpeg();
const small = { widthPx: 32, heightPx: 32, frameRate: 30 };
const large = { widthPx: 64, heightPx: 48, frameRate: 30 };

/** Mostly still, so that the encoder makes no key frames of its own. */
function show(rendition: Rendition, frame: number, format = small): void {
  const pixels = new Uint8Array(format.widthPx * format.heightPx * 3).fill(100);
  pixels.fill(frame % 256, 0, 24);
  rendition.show({ format, pixels, rtpTimestamp: frame * 3000 });
}

/** A reader of a feed whose pictures are shown one after the other. */
async function readFrames(
  rendition: Rendition,
  reader: ReadableStreamDefaultReader<Uint8Array>,
  { start, end, format = small }: { start: number; end: number; format?: typeof small },
): Promise<Uint8Array[]> {
  const chunks: Uint8Array[] = [];
  for (let frame = start; frame < end; frame++) {
    show(rendition, frame, format);
    chunks.push((await reader.read()).value!);
  }
  return chunks;
}

/** Packet identifiers in order, without repetition (ISO/IEC 13818-1, 2.4.3.2). */
function identifiers(chunk: Uint8Array): number[] {
  const all = Array.from(
    { length: chunk.length / 188 },
    (_, k) => ((chunk[188 * k + 1]! & 0x1f) << 8) | chunk[188 * k + 2]!,
  );
  return all.filter((identifier, k) => identifier !== all[k - 1]);
}

/** Sizes of the pictures that ffmpeg finds in a stream. */
async function decodedSizes(chunks: readonly Uint8Array[]): Promise<string[]> {
  const args = ["-hide_banner", "-loglevel", "info", "-i", "pipe:0", "-vf", "showinfo", "-f", "null", "-"];
  const child = new Deno.Command(ffmpeg.path, { args, stdin: "piped", stdout: "null", stderr: "piped" }).spawn();
  const output = new Response(child.stderr).text();
  const writer = child.stdin.getWriter();
  for (const chunk of chunks) await writer.write(chunk as Uint8Array<ArrayBuffer>);
  await writer.close();
  await child.status;
  return [...(await output).matchAll(/showinfo.* n: *\d+ .* s:(\d+x\d+)/g)].map(([, size]) => size!);
}

const options = { codec: "h264", quality: "high", ffmpeg } as const;
const untilDone = async (rendition: Rendition) => {
  await rendition[Symbol.asyncDispose]();
  await rendition.done;
};

Deno.test("TransportFeed.open() begins with tables and a key frame, for the first reader and for a later one", async () => {
  const rendition = new Rendition(options);
  const feed = new TransportFeed(rendition);
  let ended = 0;
  const first = feed.open(() => ended++).getReader();
  const chunks = await readFrames(rendition, first, { start: 0, end: 20 });
  const later = feed.open(() => ended++).getReader();
  show(rendition, 20);
  const begin = (await later.read()).value!;
  for (const chunk of [chunks[0]!, begin]) assert.deepEqual(identifiers(chunk), [0, 0x1000, 0x100]);
  assert.deepEqual(identifiers(chunks[1]!), [0x100]);
  assert.deepEqual((await first.read()).value, begin, "packed once");
  assert.equal(feed.readers, 2);
  await first.cancel();
  await later.cancel();
  assert.deepEqual([ended, feed.readers, rendition.readers], [2, 0, 0]);
  await untilDone(rendition);
});

Deno.test("TransportFeed goes on when the picture changes its size, and a decoder follows", async () => {
  const rendition = new Rendition(options);
  const reader = new TransportFeed(rendition).open(() => {}).getReader();
  const chunks = [
    ...await readFrames(rendition, reader, { start: 0, end: 30 }),
    ...await readFrames(rendition, reader, { start: 30, end: 60, format: large }),
  ];
  const sizes = await decodedSizes(chunks);
  // showinfo stands before the scaler that keeps the first size, so it tells each picture's own.
  assert.ok(sizes.filter((size) => size === "32x32").length >= 29, sizes.join());
  assert.ok(sizes.filter((size) => size === "64x48").length >= 29, sizes.join());
  await reader.cancel();
  await untilDone(rendition);
});

Deno.test("TransportFeed drops what a slow reader left lying, and lets it go on at a key frame", async () => {
  const rendition = new Rendition(options);
  const feed = new TransportFeed(rendition);
  const [slow, fast] = [feed.open(() => {}).getReader(), feed.open(() => {}).getReader()];
  const [first, ...rest] = await readFrames(rendition, fast, { start: 0, end: 50 });
  for (const chunk of [first, ...rest]) assert.deepEqual((await slow.read()).value, chunk, "within two seconds");
  await readFrames(rendition, fast, { start: 50, end: 150 });
  const next = slow.read();
  show(rendition, 150);
  assert.deepEqual(identifiers((await next).value!), [0, 0x1000, 0x100]);
  assert.deepEqual((await fast.read()).value, (await next).value);
  await slow.cancel();
  await fast.cancel();
  await untilDone(rendition);
});

Deno.test("TransportFeed lets go who has not read for ten seconds, and nobody else", async () => {
  const rendition = new Rendition(options);
  const feed = new TransportFeed(rendition);
  let state = "watching";
  const stuck = feed.open(() => state = "gone").getReader();
  const reader = feed.open(() => {}).getReader();
  await readFrames(rendition, reader, { start: 0, end: 300 });
  assert.equal(state, "watching");
  await readFrames(rendition, reader, { start: 300, end: 303 });
  assert.equal(state, "gone");
  assert.equal((await stuck.read()).done, true);
  assert.equal(feed.readers, 1);
  await reader.cancel();
  await untilDone(rendition);
});

Deno.test("TransportFeed ends its streams with its rendition", async () => {
  const rendition = new Rendition(options);
  const reader = new TransportFeed(rendition).open(() => {}).getReader();
  const read = reader.read();
  await untilDone(rendition);
  assert.equal((await read).done, true);
});
