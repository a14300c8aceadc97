/**
 * The file of a session: what players need of it, and that it holds exactly the frames declared final.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import type { Engine } from "../src/engine/mod.ts";
import { createFramePackEngine } from "../src/engine/framepack_engine.ts";
import { findFfmpeg } from "../src/ffmpeg.ts";
import { readFileFrames } from "../src/session/file_frames.ts";
import type { SessionView } from "../src/session/mod.ts";
import type { FrameBatch } from "../src/video.ts";
import { readBlockCode } from "./block_code.js";
import { example, exampleBlob } from "./emoji.ts";
import { createGatedEngine } from "./gated_engine.ts";
import { sessionForm, startServer, type TestServer } from "./server_fixture.ts";

const schedules = ["inverted", "forward"] as const;

function fileOf({ id }: SessionView, { dataDir }: TestServer): string {
  return join(dataDir, "sessions", id, "video.mp4");
}

/** Every frame of the file, RGB24. */
async function framesOf(view: SessionView, server: TestServer): Promise<Uint8Array[]> {
  const { widthPx, heightPx, frameRate } = view.plan;
  const range = { first: 0, frames: view.video!.frames };
  const format = { widthPx, heightPx, frameRate };
  return await Array.fromAsync(readFileFrames(await findFfmpeg(), fileOf(view, server), format, range, 1));
}

/** Reads the code of each frame of a test pattern. */
async function codesOf(view: SessionView, server: TestServer) {
  const { widthPx: width, heightPx: height } = view.plan;
  return (await framesOf(view, server)).map((data) => readBlockCode({ width, height, data }));
}

const canProbe = await new Deno.Command("ffprobe", { args: ["-version"], stdout: "null" }).output()
  .then(({ success }) => success, () => false);

interface Probe {
  readonly streams: readonly Readonly<Record<string, unknown>>[];
  readonly format: Readonly<Record<string, unknown>> & { readonly tags: Readonly<Record<string, string>> };
}

/** What ffprobe says after decoding everything; a fault anywhere in the file fails. */
async function probe(file: string): Promise<Probe> {
  const args = ["-v", "error", "-show_streams", "-show_format", "-count_frames", "-of", "json", file];
  const { success, stdout, stderr } = await new Deno.Command("ffprobe", { args }).output();
  assert.ok(success);
  assert.equal(new TextDecoder().decode(stderr), "", "decodes clean");
  return JSON.parse(new TextDecoder().decode(stdout));
}

/** Names of the boxes a file is made of (ISO 14496-12, section 4.2). */
async function boxesOf(file: string): Promise<string[]> {
  const bytes = await Deno.readFile(file);
  const view = new DataView(bytes.buffer);
  const names: string[] = [];
  for (let at = 0; at < bytes.length; at += view.getUint32(at)) {
    names.push(new TextDecoder().decode(bytes.subarray(at + 4, at + 8)));
  }
  return names;
}

for (const schedule of schedules) {
  Deno.test({
    name: `ffprobe finds 36 n + 1 frames of H.264 at 30/1, tagged BT.709, index in front (${schedule}, needs ffprobe)`,
    ignore: !canProbe,
    async fn() {
      await using server = await startServer();
      const prompt = 'Quotes "and" = signs; \\ # and\nlines, übrigens: 🐟';
      const view = await server.ended((await server.start({ schedule, durationSeconds: "5", prompt })).id);
      const file = fileOf(view, server);
      const { streams, format } = await probe(file);
      assert.equal(streams.length, 1);
      const { width, height, time_base: _unit, ...stream } = streams[0]!;
      assert.deepEqual([width, height, stream["nb_read_frames"], stream["nb_frames"]], [96, 96, "145", "145"]);
      const facts = ["codec_name", "pix_fmt", "r_frame_rate", "avg_frame_rate", "start_time"];
      assert.deepEqual(facts.map((fact) => stream[fact]), ["h264", "yuv420p", "30/1", "30/1", "0.000000"]);
      const colours = ["color_range", "color_space", "color_transfer", "color_primaries"];
      assert.deepEqual(colours.map((colour) => stream[colour]), ["tv", "bt709", "bt709", "bt709"]);
      assert.ok(Math.abs(Number(stream["duration"]) - 145 / 30) < 0.001, String(stream["duration"]));
      assert.equal(Number(format["size"]), view.video?.sizeBytes);
      const boxes = await boxesOf(file);
      assert.ok(boxes.indexOf("moov") > 0 && boxes.indexOf("moov") < boxes.indexOf("mdat"), boxes.join(" "));
      const { keepRecipe: _choice, previews: _shown, ...settings } = view.settings; // neither changes a frame
      assert.deepEqual(JSON.parse(format.tags["comment"]!), { framecast: 1, ...settings });
    },
  });

  Deno.test(`the file holds every frame in timeline order, each as it was declared final (${schedule})`, async () => {
    await using server = await startServer();
    const view = await server.ended((await server.start({ schedule, durationSeconds: "5" })).id);
    assert.deepEqual(view.frameMap, [{ start: 0, end: 145, state: "final" }]);
    const codes = await codesOf(view, server);
    assert.deepEqual(codes.map((code) => code?.frame), Array.from({ length: 145 }, (_, frame) => frame));
    assert.deepEqual(new Set(codes.map((code) => code?.state)), new Set(["final"]));
  });

  Deno.test(`after a stop the file holds exactly what the map calls final (${schedule})`, async () => {
    const engine = createGatedEngine();
    await using server = await startServer({ engine });
    const { id } = await server.start({ schedule, durationSeconds: "5" });
    engine.admit(2);
    await server.event(id, ({ event, data }) => event === "progress" && data.timings.sections.length === 2);
    const view: SessionView = await (await server.request(`/api/sessions/${id}/stop`, { method: "POST" })).json();
    const finals = view.frameMap.filter(({ state }) => state === "final");
    const named = finals.flatMap(({ start, end }) => Array.from({ length: end - start }, (_, i) => start + i));
    assert.ok(named.length > 0 && named.length < 145);
    assert.deepEqual((await codesOf(view, server)).map((code) => code?.frame), named);
    assert.equal(view.video?.firstFrameIndex, named[0]);
  });

  Deno.test(`the embedded model's frames come back from the file as they were declared final (${schedule})`, async () => {
    const finals: FrameBatch[] = [];
    await using server = await startServer({
      engine: keepingFinals(createFramePackEngine({ device: { kind: "cpu" } }), finals),
    });
    const settings = { schedule, durationSeconds: "2.4", steps: "2", prompt: example.prompt };
    const body = await sessionForm(settings, await exampleBlob());
    const { id } = await (await server.request("/api/sessions", { method: "POST", body })).json();
    const view = await server.ended(id);
    assert.equal(view.state, "completed");
    const declared = framesOfBatches(finals, 96 * 96 * 3);
    const inFile = await framesOf(view, server);
    assert.deepEqual([declared.length, inFile.length], [73, 73]);
    const ratios = declared.map((frame, n) => decibels(meanSquare(frame, inFile[n]!)));
    assert.ok(Math.min(...ratios) >= 30, `worst frame: ${Math.min(...ratios).toFixed(1)} dB`);
    // Neighbours look alike; over the whole video no shift fits as well.
    const shifted = (by: number) =>
      declared.slice(1, -1).reduce((sum, frame, n) => sum + meanSquare(frame, inFile[n + 1 + by]!), 0);
    assert.ok(shifted(0) < Math.min(shifted(-1), shifted(1)));
  });
}

/** Frame by frame, in timeline order. */
function framesOfBatches(batches: readonly FrameBatch[], frameBytes: number): Uint8Array[] {
  const frames: Uint8Array[] = [];
  for (const { firstFrameIndex, pixels } of batches) {
    for (let at = 0; at < pixels.length; at += frameBytes) {
      frames[firstFrameIndex + at / frameBytes] = pixels.subarray(at, at + frameBytes);
    }
  }
  return frames;
}

/** The same engine; `finals` gets every batch of final frames. */
function keepingFinals(engine: Engine, finals: FrameBatch[]): Engine {
  return {
    async *generate(request, signal) {
      for await (const event of engine.generate(request, signal)) {
        if (event.kind === "frames" && event.batch.state === "final") finals.push(event.batch);
        yield event;
      }
    },
    warm: (modelDir, signal) => engine.warm(modelDir, signal),
    [Symbol.asyncDispose]: () => engine[Symbol.asyncDispose](),
  };
}

function meanSquare(expected: Uint8Array, found: Uint8Array): number {
  return expected.reduce((sum, value, i) => sum + (value - found[i]!) ** 2, 0) / expected.length;
}

/** Peak signal to noise ratio of samples of 8 bits. */
function decibels(meanSquare: number): number {
  return 10 * Math.log10(255 ** 2 / meanSquare);
}

Deno.test({
  name: "without a recipe the file has no comment (needs ffprobe)",
  ignore: !canProbe,
  async fn() {
    await using server = await startServer();
    const view = await server.ended((await server.start({ durationSeconds: "1", keepRecipe: "false" })).id);
    assert.equal((await probe(fileOf(view, server))).format.tags["comment"], undefined);
  },
});
