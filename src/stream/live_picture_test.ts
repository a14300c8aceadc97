import assert from "node:assert/strict";
import { type Ffmpeg, type FfmpegProcess, findFfmpeg } from "../ffmpeg.ts";
import type { FrameRange, VideoPlan } from "../video.ts";
import type { Clock } from "./clock.ts";
import { EncoderError } from "./errors.ts";
import { openFrameStore } from "./frame_store.ts";
import { LivePicture, type PlayoutSegment } from "./live_picture.ts";
import type { View } from "./playout.ts";
import type { Packet, Viewer } from "./viewer.ts";

const tickMs = 1000 / 30;
const plan: VideoPlan = {
  format: { widthPx: 32, heightPx: 32, frameRate: 30 },
  frames: 73,
  sections: [{ start: 0, end: 37 }, { start: 37, end: 73 }],
};
const frameBytes = 32 * 32 * 3;
const realFfmpeg = await findFfmpeg();

/** A clock that stands until the test moves it. */
class ManualClock implements Clock {
  #nowMs = 1000;
  #waiting: { timeMs: number; resolve: () => void } | undefined;
  #arrival = Promise.withResolvers<void>();

  nowMs(): number {
    return this.#nowMs;
  }

  waitUntil(timeMs: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.reject(signal.reason);
    if (timeMs <= this.#nowMs) return Promise.resolve();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiting = { timeMs, resolve };
    this.#arrival.resolve();
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    return promise;
  }

  /** Moves on by a time, once whoever lives by this clock waits for it. */
  async pass(durationMs: number): Promise<void> {
    await this.#arrival.promise;
    this.#nowMs += durationMs;
    if (!this.#waiting || this.#waiting.timeMs > this.#nowMs) return;
    this.#arrival = Promise.withResolvers();
    const { resolve } = this.#waiting;
    this.#waiting = undefined;
    resolve();
  }
}

/** Somebody who takes packets and never leaves. */
function collectingViewer(): Viewer & { readonly timestamps: number[] } {
  const timestamps: number[] = [];
  return {
    id: "viewer",
    codec: "vp8",
    answerSdp: "",
    events: (async function* () {})(),
    ended: new AbortController().signal,
    packetsReceived: 0,
    timestamps,
    send: (packets: readonly Packet[]) => {
      for (const { header } of packets) if (header.marker) timestamps.push(header.timestamp);
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

interface Stage {
  readonly picture: LivePicture;
  readonly clock: ManualClock;
  readonly segments: PlayoutSegment[];
  readonly processes: FfmpegProcess[];
  arrive(range: FrameRange): Promise<void>;
}

async function withPicture(
  view: View,
  body: (stage: Stage) => Promise<void>,
  ffmpeg: Ffmpeg = realFfmpeg,
): Promise<void> {
  const directory = await Deno.makeTempDir();
  try {
    await using store = await openFrameStore(`${directory}/frames.rgb`, plan);
    const clock = new ManualClock();
    const segments: PlayoutSegment[] = [];
    const processes: FfmpegProcess[] = [];
    const start = (args: readonly string[]) => {
      processes.push(ffmpeg.start(args));
      return processes.at(-1)!;
    };
    const told = { push: (segment: PlayoutSegment) => Promise.resolve(void segments.push(segment)) };
    const placeholder = { widthPx: 32, heightPx: 32, pixels: new Uint8Array(frameBytes) };
    const options = { view, plan, placeholder, store, ffmpeg: { ...ffmpeg, start }, clock, segments: told };
    await using picture = new LivePicture(options, "vp8");
    const arrive = async ({ start, end }: FrameRange) => {
      const pixels = new Uint8Array((end - start) * frameBytes).fill(90);
      await store.write({ firstFrameIndex: start, pixels, state: "final" });
      picture.arrived({ start, end });
    };
    await body({ picture, clock, segments, processes, arrive });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("LivePicture sends one picture per tick, 3000 apart, and names the frame of each", () =>
  withPicture("edge", async ({ picture, clock, segments, arrive }) => {
    const viewer = collectingViewer();
    const channel = picture.channel("vp8");
    channel.expect(viewer);
    channel.connect(viewer);
    await arrive({ start: 0, end: 37 });
    // The clock never stands exactly on a tick, as a real one.
    for (let tick = 0; tick < 100; tick++) await clock.pass(tick % 2 ? tickMs * 1.4 : tickMs * 0.6);
    while (viewer.timestamps.length < 90) await Promise.race([clock.pass(tickMs), picture.done]);
    const steps = viewer.timestamps.slice(1).map((timestamp, k) => timestamp - viewer.timestamps[k]!);
    assert.ok(steps.every((step) => step === 3000), steps.join());
    assert.deepEqual(segments.map(({ start, end, loop }) => [start, end, loop]), [[0, 37, false]]);
    const ticks = (segments[0]!.rtpTimestamp - viewer.timestamps[0]!) / 3000;
    assert.ok(Number.isInteger(ticks) && ticks <= 1, "the frames came before the first tick or just after it");
  }));

Deno.test("LivePicture loses time but no frame when it was held up, and tells so", () =>
  withPicture("edge", async ({ clock, segments, arrive }) => {
    await arrive({ start: 0, end: 37 });
    for (let tick = 0; tick < 10; tick++) await clock.pass(tickMs);
    await clock.pass(1000);
    for (let tick = 0; tick < 10; tick++) await clock.pass(tickMs);
    const [first, second] = segments;
    const ticks = (second!.rtpTimestamp - first!.rtpTimestamp) / 3000;
    assert.ok(Number.isInteger(ticks));
    assert.ok(ticks - (second!.start - first!.start) >= 25, "about 29 ticks went by without a picture");
    assert.ok(second!.start >= 9 && second!.start <= 12, `goes on with frame ${second!.start}`);
    assert.equal(segments.length, 2);
  }));

Deno.test("LivePicture tells a second codec what it shows from its first picture on", () =>
  withPicture("arrival", async ({ picture, clock, segments, arrive }) => {
    await arrive({ start: 0, end: 37 });
    for (let tick = 0; tick < 20; tick++) await clock.pass(tickMs);
    picture.channel("h264");
    for (let tick = 0; tick < 40; tick++) await clock.pass(tickMs);
    const [vp8] = segments.filter(({ codec }) => codec === "vp8");
    const h264 = segments.filter(({ codec }) => codec === "h264");
    assert.equal(segments.filter(({ codec }) => codec === "vp8").length, 1);
    assert.deepEqual({ ...h264[0]!, codec: "vp8" }, vp8);
  }));

Deno.test("LivePicture ends five seconds after its last viewer, with every process", () =>
  withPicture("arrival", async ({ picture, clock, processes }) => {
    const viewer = collectingViewer();
    const channel = picture.channel("vp8");
    channel.expect(viewer);
    for (let tick = 0; tick < 200; tick++) await clock.pass(tickMs);
    assert.equal(picture.state, "running");
    channel.leave(viewer);
    for (let tick = 0; tick < 140; tick++) await clock.pass(tickMs);
    assert.equal(picture.state, "running");
    let isOver = false;
    const over = picture.done.then(() => isOver = true);
    for (let tick = 0; tick < 20 && !isOver; tick++) await Promise.race([clock.pass(tickMs), over]);
    await over;
    assert.equal(picture.state, "ended");
    await Promise.all(processes.map(({ status }) => status));
  }));

Deno.test("LivePicture ends with an EncoderError when no encoder will run", () => {
  const start = () => realFfmpeg.start(["-i", "no-such-file"]);
  return withPicture("arrival", async ({ picture }) => {
    await assert.rejects(picture.done, EncoderError);
    assert.equal(picture.state, "ended");
  }, { ...realFfmpeg, start });
});
