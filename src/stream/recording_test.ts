import assert from "node:assert/strict";
import { type Ffmpeg, findFfmpeg } from "../ffmpeg.ts";
import type { VideoPlan } from "../video.ts";
import { RecordingError } from "./errors.ts";
import { type FrameStore, openFrameStore } from "./frame_store.ts";
import { writeRecording } from "./recording.ts";

const format = { widthPx: 64, heightPx: 48, frameRate: 30 };
const plan: VideoPlan = { format, frames: 73, sections: [{ start: 40, end: 73 }, { start: 0, end: 40 }] };
const ffmpeg = await findFfmpeg();
const never = new AbortController().signal;
const hasFfprobe = await canRun("ffprobe");
const frameBytes = format.widthPx * format.heightPx * 3;

/** One colour per frame, all of them far from each other's neighbours. */
function colourOf(frameIndex: number): number[] {
  return [(frameIndex * 53) % 256, (frameIndex * 97 + 80) % 256, (frameIndex * 31 + 160) % 256];
}

function frames(start: number, end: number): Uint8Array {
  return new Uint8Array((end - start) * frameBytes).map((_, at) =>
    colourOf(start + Math.floor(at / frameBytes))[at % 3]!
  );
}

/** A store whose end was made first, as in the inverted schedule. */
async function withVideo(body: (store: FrameStore, directory: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir();
  try {
    await using store = await openFrameStore(`${directory}/frames.rgb`, plan);
    await store.write({ firstFrameIndex: 40, pixels: frames(40, 73), state: "provisional" });
    await store.write({ firstFrameIndex: 37, pixels: frames(37, 73), state: "final" });
    await store.write({ firstFrameIndex: 0, pixels: frames(0, 37), state: "final" });
    await body(store, directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

async function canRun(program: string): Promise<boolean> {
  try {
    return (await new Deno.Command(program, { args: ["-version"], stdout: "null", stderr: "null" }).output()).success;
  } catch {
    return false;
  }
}

async function output(command: string, args: string[]): Promise<Uint8Array> {
  const { success, stdout, stderr } = await new Deno.Command(command, { args }).output();
  assert.ok(success && stderr.length === 0, new TextDecoder().decode(stderr));
  return stdout;
}

/** A test with a video that is looked at with ffprobe. */
function probeTest(name: string, body: (store: FrameStore, directory: string) => Promise<void>): void {
  Deno.test({ name: `${name} (ffprobe)`, ignore: !hasFfprobe, fn: () => withVideo(body) });
}

async function probe(file: string) {
  const show = ["-show_streams", "-show_format", "-count_frames", "-of", "json"];
  return JSON.parse(new TextDecoder().decode(await output("ffprobe", ["-v", "error", ...show, file])));
}

probeTest(
  "writeRecording() makes an MP4 of all frames at 30/1 that decodes clean, index in front",
  async (store, directory) => {
    const file = `${directory}/video.mp4`;
    const result = await writeRecording({ store, range: { start: 0, end: 73 }, plan, file, ffmpeg }, never);
    const { streams: [stream], format: container } = await probe(file);
    assert.deepEqual(result, { frames: 73, sizeBytes: Number(container.size), encoder: "libx264" });
    assert.equal(stream.nb_read_frames, "73");
    const facts = [stream.codec_name, stream.pix_fmt, stream.r_frame_rate, stream.avg_frame_rate];
    assert.deepEqual(facts, ["h264", "yuv420p", "30/1", "30/1"]);
    assert.deepEqual([stream.color_range, stream.color_space, stream.color_transfer, stream.color_primaries], [
      "tv",
      "bt709",
      "bt709",
      "bt709",
    ]);
    assert.ok(Math.abs(Number(container.duration) - 73 / 30) < 0.002, container.duration);
    const text = new TextDecoder("latin1").decode(await Deno.readFile(file));
    assert.ok(text.indexOf("moov") < text.indexOf("mdat"));
    const names = (await Array.fromAsync(Deno.readDir(directory))).map(({ name }) => name);
    assert.deepEqual(names.sort(), ["frames.rgb", "video.mp4"]);
  },
);

Deno.test("writeRecording() keeps every frame in its place and its colour", () =>
  withVideo(async (store, directory) => {
    const file = `${directory}/video.mp4`;
    await writeRecording({ store, range: { start: 0, end: 73 }, plan, file, ffmpeg }, never);
    const decoded = await output(ffmpeg.path, ["-v", "error", "-i", file, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]);
    assert.equal(decoded.length, 73 * frameBytes);
    for (let index = 0; index < 73; index++) {
      const middle = index * frameBytes + ((format.heightPx >> 1) * format.widthPx + (format.widthPx >> 1)) * 3;
      const [found, meant] = [[...decoded.subarray(middle, middle + 3)], colourOf(index)];
      assert.ok(found.every((value, k) => Math.abs(value - meant[k]!) < 12), `frame ${index}: ${found}, not ${meant}`);
    }
  }));

probeTest(
  "writeRecording() writes the recipe into the comment tag, and none when there is none",
  async (store, directory) => {
    const recipe = 'prompt: a cat; "quoted" = \\back\nsecond line 🐈';
    const options = { store, range: { start: 0, end: 37 }, plan, ffmpeg };
    await writeRecording({ ...options, file: `${directory}/with.mp4`, recipe }, never);
    await writeRecording({ ...options, file: `${directory}/without.mp4` }, never);
    assert.equal((await probe(`${directory}/with.mp4`)).format.tags.comment, recipe);
    assert.equal((await probe(`${directory}/without.mp4`)).format.tags.comment, undefined);
  },
);

probeTest("writeRecording() records a part of the plan, which is what a stop leaves", async (store, directory) => {
  const file = `${directory}/video.mp4`;
  const result = await writeRecording({ store, range: { start: 37, end: 73 }, plan, file, ffmpeg }, never);
  assert.equal(result.frames, 36);
  assert.equal((await probe(file)).streams[0].nb_read_frames, "36");
});

Deno.test("writeRecording() refuses frames that are not final", () =>
  withVideo(async (store, directory) => {
    await using other = await openFrameStore(`${directory}/other.rgb`, plan);
    await other.write({ firstFrameIndex: 0, pixels: frames(0, 2), state: "provisional" });
    const options = { plan, file: `${directory}/video.mp4`, ffmpeg };
    const early = writeRecording({ ...options, store: other, range: { start: 0, end: 2 } }, never);
    await assert.rejects(early, /frame 0: it is provisional, not final/);
    const missing = writeRecording({ ...options, store, range: { start: 72, end: 74 } }, never);
    await assert.rejects(missing, /frame 73: it is missing, not final/);
  }));

Deno.test("writeRecording() leaves nothing behind when it is stopped, and throws the signal's reason", () =>
  withVideo(async (store, directory) => {
    const stop = new AbortController();
    const reason = new Error("deleted");
    const start = (args: readonly string[]) => {
      const process = ffmpeg.start(args);
      stop.abort(reason);
      return process;
    };
    const file = `${directory}/video.mp4`;
    const options = { store, range: { start: 0, end: 73 }, plan, file, ffmpeg: { ...ffmpeg, start } };
    await assert.rejects(writeRecording(options, stop.signal), reason);
    assert.deepEqual((await Array.fromAsync(Deno.readDir(directory))).map(({ name }) => name), ["frames.rgb"]);
  }));

Deno.test("writeRecording() says why ffmpeg failed", () =>
  withVideo(async (store, directory) => {
    const options = { store, range: { start: 0, end: 73 }, plan, ffmpeg };
    const nowhere = writeRecording({ ...options, file: `${directory}/no/such/folder/video.mp4` }, never);
    await assert.rejects(nowhere, (error) =>
      error instanceof RecordingError && /No such file or directory/.test(error.message));
    const without: Ffmpeg = { ...ffmpeg, encoders: new Set(["libvpx"]) };
    const blind = writeRecording({ ...options, ffmpeg: without, file: `${directory}/video.mp4` }, never);
    await assert.rejects(blind, /was built without libx264/);
  }));
