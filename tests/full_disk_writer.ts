/**
 * Fills a small disk: run by `full_disk_test.ts` with the disk's folder and a folder that has room.
 * Prints, as JSON, what the store and the recording say about it and what is left.
 * @module
 */
import { findFfmpeg } from "../src/ffmpeg.ts";
import { type FrameStore, openFrameStore, RecordingError, StoreError, writeRecording } from "../src/stream/mod.ts";
import type { VideoPlan } from "../src/video.ts";

const [smallDisk, roomyDisk] = Deno.args as [string, string];
const format = { widthPx: 64, heightPx: 64, frameRate: 30 };
const plan: VideoPlan = { format, frames: 361, sections: [{ start: 0, end: 361 }] };
const frameBytes = 64 * 64 * 3;
const noise = new Uint8Array(frameBytes).map((_, at) => (at * 2654435761) >>> 24);

/** Writes single frames until one fails. */
async function fill(store: FrameStore): Promise<{ framesWritten: number; refusal: string }> {
  for (let frame = 0; frame < plan.frames; frame++) {
    try {
      await store.write({ firstFrameIndex: frame, pixels: noise.map((value) => value ^ frame), state: "final" });
    } catch (error) {
      return { framesWritten: frame, refusal: error instanceof StoreError ? error.message : `unexpected: ${error}` };
    }
  }
  return { framesWritten: plan.frames, refusal: "none" };
}

await using small = await openFrameStore(`${smallDisk}/frames.rgb`, plan);
const { framesWritten, refusal } = await fill(small);
const kept = await small.read({ start: 0, end: framesWritten });
const isWhole = kept.every((value, at) => value === (noise[at % frameBytes]! ^ Math.floor(at / frameBytes) & 255));

await using roomy = await openFrameStore(`${roomyDisk}/frames.rgb`, plan);
await fill(roomy);
const file = `${smallDisk}/video.mp4`;
const options = { store: roomy, range: { start: 0, end: plan.frames }, plan, file, ffmpeg: await findFfmpeg() };
const recording = await writeRecording(options, new AbortController().signal).then(
  () => "none",
  (error) => error instanceof RecordingError ? error.message : `unexpected: ${error}`,
);
const left = (await Array.fromAsync(Deno.readDir(smallDisk))).map(({ name }) => name);
Deno.stdout.writeSync(new TextEncoder().encode(JSON.stringify({ framesWritten, refusal, isWhole, recording, left })));
