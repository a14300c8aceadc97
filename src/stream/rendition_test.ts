import assert from "node:assert/strict";
import { type FfmpegProcess, findFfmpeg } from "../ffmpeg.ts";
import { EncoderError } from "./errors.ts";
import { Rendition, type RenditionOptions, type RenditionPicture } from "./rendition.ts";

const format = { widthPx: 32, heightPx: 32, frameRate: 30 };
const ffmpeg = await findFfmpeg();
const options: RenditionOptions = { codec: "vp8", quality: "high", ffmpeg };

interface Watcher {
  /** Frames since the rendition began. */
  readonly frames: number[];
  readonly keyFrames: number[];
  read(pictures: readonly RenditionPicture[]): void;
  /** Resolves when a picture has come. */
  until(frame: number): Promise<void>;
}

function watcher(): Watcher {
  const frames: number[] = [];
  const keyFrames: number[] = [];
  let arrival = Promise.withResolvers<void>();
  return {
    frames,
    keyFrames,
    read(pictures) {
      for (const { rtpTimestamp, unit } of pictures) {
        frames.push(rtpTimestamp / 3000);
        if (unit.isKeyFrame) keyFrames.push(rtpTimestamp / 3000);
      }
      arrival.resolve();
    },
    async until(frame) {
      while ((frames.at(-1) ?? -1) < frame) {
        arrival = Promise.withResolvers();
        await arrival.promise;
      }
    },
  };
}

function picture(frame: number, { widthPx, heightPx } = format): Uint8Array {
  return new Uint8Array(widthPx * heightPx * 3).map((_, at) => (at * (frame + 3) * 2654435761) >>> 24);
}

/** Ticks, one picture each, each after the one before has reached `viewer`. */
async function show(rendition: Rendition, viewer: Watcher, { start, end }: { start: number; end: number }) {
  for (let frame = start; frame < end; frame++) {
    rendition.tick();
    rendition.show({ format, pixels: picture(frame), rtpTimestamp: frame * 3000 });
    await viewer.until(frame);
  }
}

/** The same ffmpeg, with the processes it started. */
function watched() {
  const processes: FfmpegProcess[] = [];
  const start = (args: readonly string[]) => {
    processes.push(ffmpeg.start(args));
    return processes.at(-1)!;
  };
  return { ffmpeg: { ...ffmpeg, start }, processes };
}

/** The loop of the runtime goes around once, so that what has arrived is read. */
const turn = () => new Promise<void>((resolve) => setTimeout(resolve, 0));

Deno.test("Rendition.join() gives everything from the last key frame on and goes on without gap or repetition", async () => {
  await using rendition = new Rendition(options);
  const [early, late] = [watcher(), watcher()];
  rendition.join(early.read);
  await show(rendition, early, { start: 0, end: 75 });
  rendition.expect(late.read);
  assert.equal(late.frames.length, 0, "nothing before its connection is up");
  rendition.join(late.read);
  await show(rendition, early, { start: 75, end: 80 });
  assert.deepEqual(early.frames, Array.from({ length: 80 }, (_, frame) => frame));
  assert.deepEqual(late.keyFrames, [60]);
  assert.deepEqual(late.frames, early.frames.slice(60));
});

Deno.test("Rendition.joinAtKeyFrame() brings a key frame and gives nothing from before it", async () => {
  await using rendition = new Rendition(options);
  const [early, late] = [watcher(), watcher()];
  rendition.join(early.read);
  await show(rendition, early, { start: 0, end: 20 });
  rendition.joinAtKeyFrame(late.read);
  await show(rendition, early, { start: 20, end: 25 });
  assert.deepEqual(late.frames, [20, 21, 22, 23, 24]);
  assert.deepEqual(late.keyFrames, [20]);
});

Deno.test("Rendition.requestKeyFrame() brings one at once, and then one per 300 ms however many ask", async () => {
  await using rendition = new Rendition(options);
  const viewer = watcher();
  rendition.join(viewer.read);
  await show(rendition, viewer, { start: 0, end: 20 });
  for (let frame = 20; frame < 32; frame++) {
    rendition.requestKeyFrame();
    await show(rendition, viewer, { start: frame, end: frame + 1 });
  }
  await show(rendition, viewer, { start: 32, end: 50 });
  assert.deepEqual(viewer.keyFrames, [0, 20, 30, 40]);
  assert.equal(rendition.counts.keyFrames, 4);
});

for (const codec of ["vp8", "h264"] as const) {
  Deno.test(`Rendition goes on with pictures of another size (${codec})`, async () => {
    await using rendition = new Rendition({ ...options, codec });
    const viewer = watcher();
    rendition.join(viewer.read);
    const large = { widthPx: 96, heightPx: 64, frameRate: 30 };
    for (let frame = 0; frame < 60; frame++) {
      const size = frame >= 20 && frame < 40 ? large : format;
      rendition.tick();
      rendition.show({ format: size, pixels: picture(frame, size), rtpTimestamp: frame * 3000 });
      await viewer.until(frame);
    }
    assert.deepEqual(viewer.frames, Array.from({ length: 60 }, (_, frame) => frame));
    assert.ok([0, 20, 40].every((frame) => viewer.keyFrames.includes(frame)), `key frames at ${viewer.keyFrames}`);
    assert.equal(rendition.counts.encoderRestarts, 0);
  });
}

for (const codec of ["vp8", "h264"] as const) {
  Deno.test(`Rendition replaces an encoder that hangs, and another rendition loses nothing meanwhile (${codec})`, async () => {
    const { ffmpeg, processes } = watched();
    await using hanging = new Rendition({ ...options, codec, ffmpeg });
    await using other = new Rendition({ ...options, codec });
    const [victim, bystander] = [watcher(), watcher()];
    hanging.join(victim.read);
    other.join(bystander.read);
    await show(hanging, victim, { start: 0, end: 10 });
    Deno.kill(processes[0]!.pid, "SIGSTOP");
    for (let frame = 10; frame < 90; frame++) {
      hanging.tick();
      hanging.show({ format, pixels: picture(frame), rtpTimestamp: frame * 3000 });
      await show(other, bystander, { start: frame, end: frame + 1 });
    }
    assert.equal((await processes[0]!.status).signal, "SIGKILL");
    await show(hanging, victim, { start: 90, end: 110 });
    assert.deepEqual(bystander.frames, Array.from({ length: 80 }, (_, k) => 10 + k));
    assert.deepEqual(victim.frames.slice(-20), Array.from({ length: 20 }, (_, k) => 90 + k));
    assert.ok(victim.keyFrames.at(-1)! > 10);
    assert.equal(hanging.counts.encoderRestarts, 1);
  });
}

Deno.test("Rendition drops the oldest raw pictures when its encoder is too slow", async () => {
  const { ffmpeg, processes } = watched();
  await using rendition = new Rendition({ ...options, ffmpeg });
  const viewer = watcher();
  rendition.join(viewer.read);
  await show(rendition, viewer, { start: 0, end: 5 });
  Deno.kill(processes[0]!.pid, "SIGSTOP");
  // 64 KiB fit into the pipe, 21 pictures of 3 KiB; the rest has to wait.
  for (let frame = 5; frame < 65; frame++) {
    rendition.show({ format, pixels: picture(frame), rtpTimestamp: frame * 3000 });
    await turn();
  }
  Deno.kill(processes[0]!.pid, "SIGCONT");
  await viewer.until(64);
  const lost = 65 - viewer.frames.length;
  assert.ok(lost > 0);
  assert.equal(rendition.counts.picturesDropped, lost);
  assert.deepEqual(viewer.frames.slice(-3), [62, 63, 64]);
});

Deno.test("Rendition.done rejects with what ffmpeg says when no encoder will run", async () => {
  const start = () => ffmpeg.start(["-i", "no-such-file"]);
  await using rendition = new Rendition({ ...options, ffmpeg: { ...ffmpeg, start } });
  rendition.show({ format, pixels: picture(0), rtpTimestamp: 0 });
  await assert.rejects(rendition.done, EncoderError);
});
