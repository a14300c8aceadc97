import assert from "node:assert/strict";
import { type Ffmpeg, type FfmpegProcess, findFfmpeg } from "../ffmpeg.ts";
import { EncoderError } from "./errors.ts";
import {
  createVideoEncoder,
  type EncodedPicture,
  encoderArguments,
  type RawPicture,
  type VideoEncoder,
} from "./video_encoder.ts";

const format = { widthPx: 128, heightPx: 96, frameRate: 30 };
const codecs = ["vp8", "h264"] as const;
const quality = "high";
const ffmpeg = await findFfmpeg();
/** A build of 2018, the oldest that must do. */
const npmFfmpeg = await findFfmpeg({ configured: (await import("@ffmpeg-installer/ffmpeg")).default.path });

/** Moving stripes over fixed noise: something to encode. */
function picture(index: number, { widthPx, heightPx } = format): Uint8Array {
  return new Uint8Array(widthPx * heightPx * 3).map((_, at) => {
    const x = Math.floor(at / 3) % widthPx;
    return ((x + index * 3) & 16 ? 200 : 40) + ((at * 2654435761) >>> 28);
  });
}

function raw(index: number, size = format): RawPicture {
  return { format: size, pixels: picture(index, size), rtpTimestamp: index * 3000 };
}

/** Reads pictures as they come; the encoder may be fed meanwhile. */
function collect(encoder: VideoEncoder): { pictures: EncodedPicture[]; until: (count: number) => Promise<void> } {
  const pictures: EncodedPicture[] = [];
  const reader = encoder.pictures[Symbol.asyncIterator]();
  return {
    pictures,
    async until(count) {
      while (pictures.length < count) {
        const { done, value } = await reader.next();
        if (done) return;
        pictures.push(value);
      }
    },
  };
}

/** The same ffmpeg, with the processes it started. */
function watched(): { ffmpeg: Ffmpeg; processes: FfmpegProcess[] } {
  const processes: FfmpegProcess[] = [];
  const start = (args: readonly string[]) => {
    processes.push(ffmpeg.start(args));
    return processes.at(-1)!;
  };
  return { ffmpeg: { ...ffmpeg, start }, processes };
}

const times = (pictures: EncodedPicture[]) => pictures.map(({ rtpTimestamp }) => rtpTimestamp / 3000);
const count = (end: number) => Array.from({ length: end }, (_, k) => k);

for (const build of [ffmpeg, npmFfmpeg]) {
  for (const codec of codecs) {
    Deno.test(`createVideoEncoder(${codec}) gives every picture, the first one too, in order and without delay (${build.version})`, async () => {
      await using encoder = createVideoEncoder({ codec, quality, ffmpeg: build });
      const { pictures, until } = collect(encoder);
      for (const index of count(70)) {
        await encoder.write(raw(index));
        await until(index + 1); // hangs if ffmpeg holds one back
      }
      assert.deepEqual(times(pictures), count(70));
      const keyFrames = pictures.flatMap(({ unit }, k) => unit.isKeyFrame ? [k] : []);
      assert.equal(keyFrames[0], 0);
      assert.ok([...keyFrames.slice(1), 70].every((at, k) => at - keyFrames[k]! <= 60), `key frames at ${keyFrames}`);
      assert.ok(pictures.every(({ unit }) => (unit.configuration !== undefined) === (codec === "h264")));
    });
  }
}

for (const codec of codecs) {
  Deno.test(`VideoEncoder.requestKeyFrame() makes the next picture a key frame and loses none (${codec})`, async () => {
    await using encoder = createVideoEncoder({ codec, quality, ffmpeg });
    const { pictures, until } = collect(encoder);
    for (const index of count(30)) {
      if (index === 10 || index === 11) encoder.requestKeyFrame();
      await encoder.write(raw(index));
      if (index === 5) await until(1);
    }
    await until(30);
    assert.deepEqual(times(pictures), count(30));
    assert.deepEqual(pictures.flatMap(({ unit }, k) => unit.isKeyFrame ? [k] : []), [0, 10, 11]);
  });

  Deno.test(`VideoEncoder goes on with a key frame after its process was killed (${codec})`, async () => {
    const { ffmpeg, processes } = watched();
    await using encoder = createVideoEncoder({ codec, quality, ffmpeg });
    const { pictures, until } = collect(encoder);
    for (const index of count(10)) await encoder.write(raw(index));
    await until(10);
    await processes[0]![Symbol.asyncDispose](); // SIGKILL; the encoder is not told
    for (let index = 10; index < 40; index++) await encoder.write(raw(index));
    await until(39); // the one picture written into the broken pipe may be written again or lost
    const after = pictures.slice(10);
    assert.ok(after[0]!.unit.isKeyFrame);
    assert.deepEqual(times(after), times(after).toSorted((a, b) => a - b));
    assert.ok(times(after)[0]! <= 11 && after.length >= 29);
  });

  Deno.test(`VideoEncoder.replace() ends a process that takes pictures and gives none (${codec})`, async () => {
    const { ffmpeg, processes } = watched();
    await using encoder = createVideoEncoder({ codec, quality, ffmpeg });
    const { pictures, until } = collect(encoder);
    await encoder.write(raw(0));
    await until(1);
    Deno.kill(processes[0]!.pid, "SIGSTOP");
    await encoder.write(raw(1));
    assert.equal(encoder.unanswered, 1);
    encoder.replace();
    assert.equal((await processes[0]!.status).signal, "SIGKILL");
    for (let index = 2; index < 20; index++) await encoder.write(raw(index));
    while (pictures.at(-1)!.rtpTimestamp < 19 * 3000) await until(pictures.length + 1);
    assert.ok(pictures[1]!.unit.isKeyFrame);
    assert.deepEqual([encoder.restarts, encoder.unanswered], [1, 0]);
  });

  Deno.test(`VideoEncoder makes pictures of quality low smaller (${codec})`, async () => {
    const bytes = async (quality: "high" | "low") => {
      const size = { widthPx: 384, heightPx: 256, frameRate: 30 };
      await using encoder = createVideoEncoder({ codec, quality, ffmpeg });
      const { pictures, until } = collect(encoder);
      for (const index of count(30)) await encoder.write(raw(index, size));
      await until(30);
      return pictures.reduce((sum, { unit }) => sum + unit.data.length, 0);
    };
    const [high, low] = [await bytes("high"), await bytes("low")];
    assert.ok(low * 2 < high, `${low} bytes instead of ${high}`);
  });

  Deno.test(`a still picture costs next to nothing (${codec})`, async () => {
    await using encoder = createVideoEncoder({ codec, quality, ffmpeg });
    const { pictures, until } = collect(encoder);
    for (const index of count(59)) await encoder.write({ ...raw(0), rtpTimestamp: index * 3000 });
    await until(59);
    const bytes = pictures.slice(20).reduce((sum, { unit }) => sum + unit.data.length, 0) / 39;
    assert.ok(bytes < 150, `${bytes} bytes per picture; a constant rate of 600 kbit/s would be 2500`);
  });

  Deno.test(`VideoEncoder leaves no process behind (${codec})`, async () => {
    const { ffmpeg, processes } = watched();
    const encoder = createVideoEncoder({ codec, quality, ffmpeg });
    const { until } = collect(encoder);
    for (const index of count(6)) {
      encoder.requestKeyFrame();
      await encoder.write(raw(index));
      await until(index + 1);
    }
    await encoder[Symbol.asyncDispose]();
    await Promise.all(processes.map(({ status }) => status));
    assert.ok(processes.length >= 6);
  });
}

Deno.test("createVideoEncoder(vp8) cuts odd sizes to even ones", async () => {
  const odd = { widthPx: 97, heightPx: 65, frameRate: 30 };
  await using encoder = createVideoEncoder({ codec: "vp8", quality, ffmpeg });
  const { pictures, until } = collect(encoder);
  await encoder.write(raw(0, odd));
  await until(1);
  const header = new DataView(pictures[0]!.unit.data.buffer, pictures[0]!.unit.data.byteOffset);
  // RFC 6386 section 9.1: width and height are 14 bits each, behind a tag and a start code of 3 bytes each.
  assert.deepEqual([header.getUint16(6, true) & 0x3fff, header.getUint16(8, true) & 0x3fff], [96, 64]);
});

Deno.test("encoderArguments() halves pictures of quality low from 256 pixels on", () => {
  const sizeOf = (widthPx: number, heightPx: number) => {
    const args = encoderArguments("vp8", "low", { widthPx, heightPx, frameRate: 30 });
    return /scale=trunc\(iw\/(\d)\)/.exec(args.join(" "))![1];
  };
  assert.deepEqual([sizeOf(256, 256), sizeOf(255, 256), sizeOf(640, 200)], ["4", "2", "2"]);
});

Deno.test("VideoEncoder.pictures throws what ffmpeg says when no process brings a picture", async () => {
  const broken: Ffmpeg = {
    ...ffmpeg,
    start: () => ffmpeg.start(["-f", "rawvideo", "-i", "no-such-file", "-f", "null", "-"]),
  };
  await using encoder = createVideoEncoder({ codec: "vp8", quality, ffmpeg: broken });
  const { until } = collect(encoder);
  void encoder.write(raw(0));
  await assert.rejects(until(1), (error) => {
    assert.ok(error instanceof EncoderError);
    assert.match(error.message, /3 times before its first picture.*no-such-file/s);
    return true;
  });
});
