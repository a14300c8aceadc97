import assert from "node:assert/strict";
import { type Ffmpeg, findFfmpeg, tryEncoder } from "../ffmpeg.ts";
import type { VideoPlan } from "../video.ts";
import { EncoderError } from "./errors.ts";
import { canEncode, chooseFileEncoder, type FileEncoder, qualityArguments, x264 } from "./file_encoder.ts";
import { openFrameStore } from "./frame_store.ts";
import { writeRecording } from "./recording.ts";

const ffmpeg = await findFfmpeg();
const never = new AbortController().signal;
const nvenc: FileEncoder = { name: "h264_nvenc", gpu: 1 };

/** A machine with NVENC, as far as that can be without: x264 stands in. `started`: with what arguments it was asked. */
function withNvenc(behaviour: "works" | "fails"): Ffmpeg & { readonly started: string[][] } {
  const started: string[][] = [];
  const asked = qualityArguments(nvenc, "medium");
  return {
    ...ffmpeg,
    started,
    encoders: new Set([...ffmpeg.encoders, "h264_nvenc"]),
    start(args) {
      started.push([...args]);
      const at = args.indexOf("h264_nvenc") - 1;
      if (at < 0) return ffmpeg.start(args);
      assert.deepEqual(args.slice(at, at + asked.length), asked);
      const others = behaviour === "works" ? qualityArguments(x264, "veryfast") : ["-c:v", "no_such_encoder"];
      return ffmpeg.start([...args.slice(0, at), ...others, ...args.slice(at + asked.length)]);
    },
  };
}

Deno.test("chooseFileEncoder() tries NVENC where a GPU makes the videos, and nowhere else", async () => {
  const [working, failing] = [withNvenc("works"), withNvenc("fails")];
  assert.deepEqual(await chooseFileEncoder(working, "auto", 1), nvenc);
  assert.deepEqual(await chooseFileEncoder(failing, "auto", 1), x264);
  const untouched = withNvenc("works");
  assert.deepEqual(await chooseFileEncoder(untouched, "auto", undefined), x264);
  assert.deepEqual(await chooseFileEncoder(untouched, "libx264", 1), x264);
  assert.deepEqual(untouched.started, []);
});

Deno.test("chooseFileEncoder() says why NVENC cannot be had where it is asked for", async () => {
  await assert.rejects(
    chooseFileEncoder(withNvenc("fails"), "h264_nvenc", 1),
    (error) =>
      error instanceof EncoderError && /^Cannot encode files with h264_nvenc: .*no_such_encoder/.test(error.message),
  );
});

Deno.test({
  name: "ffmpeg knows the options that NVENC is given",
  ignore: !ffmpeg.encoders.has("h264_nvenc"),
  async fn() {
    const trial = await tryEncoder(ffmpeg, "h264_nvenc", qualityArguments({ ...nvenc, gpu: 0 }, "medium"));
    // Without a GPU it fails, and then for want of that.
    if (trial.kind === "fails") assert.match(trial.why, /libcuda|nvcuda|CUDA|device/i);
    const wrong = await tryEncoder(ffmpeg, "h264_nvenc", ["-c:v", "h264_nvenc", "-preset", "p99"]);
    assert.match(wrong.kind === "fails" ? wrong.why : "", /p99/);
  },
});

Deno.test("canEncode() has a least size for NVENC", () => {
  const size = (widthPx: number, heightPx: number) => ({ widthPx, heightPx, frameRate: 30 });
  assert.deepEqual([size(96, 96), size(640, 608), size(608, 5000)].map((each) => canEncode(nvenc, each)), [
    false,
    true,
    false,
  ]);
  assert.ok(canEncode(x264, size(96, 96)));
});

/** Eight frames of one grey each. */
async function withVideo(widthPx: number, body: (video: Parameters<typeof writeRecording>[0]) => Promise<void>) {
  const directory = await Deno.makeTempDir();
  const plan: VideoPlan = {
    format: { widthPx, heightPx: 96, frameRate: 30 },
    frames: 8,
    sections: [{ start: 0, end: 8 }],
  };
  try {
    await using store = await openFrameStore(`${directory}/frames.rgb`, plan);
    await store.write({ firstFrameIndex: 0, pixels: new Uint8Array(8 * widthPx * 96 * 3).fill(90), state: "final" });
    await body({ store, plan, range: { start: 0, end: 8 }, file: `${directory}/video.mp4`, ffmpeg });
    await Deno.remove(`${directory}/video.mp4`);
    assert.deepEqual((await Array.fromAsync(Deno.readDir(directory))).map(({ name }) => name), ["frames.rgb"]);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("writeRecording() has NVENC make the file, but for pictures that are too small for it", async () => {
  for (const [widthPx, encoder] of [[160, "h264_nvenc"], [96, "libx264"]] as const) {
    await withVideo(widthPx, async (video) => {
      const card = withNvenc("works");
      const made = await writeRecording({ ...video, ffmpeg: card, encoder: nvenc }, never);
      assert.deepEqual(made, { frames: 8, sizeBytes: (await Deno.stat(video.file)).size, encoder });
      assert.equal(card.started.length, 1);
    });
  }
});

Deno.test("writeRecording() makes the file with x264 where NVENC fails, and tells why", async () => {
  await withVideo(160, async (video) => {
    const card = withNvenc("fails");
    const { encoder, fault, sizeBytes } = await writeRecording({ ...video, ffmpeg: card, encoder: nvenc }, never);
    assert.equal(encoder, "libx264");
    assert.match(fault!.message, /no_such_encoder/);
    assert.equal(sizeBytes, (await Deno.stat(video.file)).size);
    assert.equal(card.started.length, 2);
  });
});
