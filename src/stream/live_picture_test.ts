import assert from "node:assert/strict";
import { type Ffmpeg, type FfmpegProcess, findFfmpeg } from "../ffmpeg.ts";
import { ManualClock } from "../../tests/manual_clock.ts";
import { EncoderError } from "./errors.ts";
import { rtpTimestampOf, tickMs } from "./grid.ts";
import { LivePicture, type PlayoutSegment } from "./live_picture.ts";
import type { PictureSource } from "./picture_source.ts";
import type { Run } from "./playout.ts";
import { Rendition, type RenditionPicture } from "./rendition.ts";

const format = { widthPx: 32, heightPx: 32, frameRate: 30 };
const realFfmpeg = await findFfmpeg();

/** Moves as long as a test wants it to, and holds still otherwise. */
class TestSource implements PictureSource {
  readonly ticks: number[] = [];
  state: "open" | "disposed" = "open";
  moves = true;
  run: Run = { sinceTick: 30, shows: "frames", start: 0, end: 36, rate: 1, loop: true };
  #pixels = new Uint8Array(32 * 32 * 3);

  next(tick: number) {
    this.ticks.push(tick);
    if (this.moves) this.#pixels = new Uint8Array(32 * 32 * 3).fill(tick);
    return Promise.resolve({ format, pixels: this.#pixels, run: this.run, video: "one" });
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.state = "disposed";
    return Promise.resolve();
  }
}

interface Stage {
  readonly picture: LivePicture;
  readonly source: TestSource;
  readonly clock: ManualClock;
  readonly segments: PlayoutSegment[];
  readonly failures: Error[];
  readonly processes: FfmpegProcess[];
  /** Ticks of the grid, one by one. */
  pass(ticks: number): Promise<void>;
}

async function withPicture(body: (stage: Stage) => Promise<void>, ffmpeg: Ffmpeg = realFfmpeg): Promise<void> {
  const clock = new ManualClock();
  const source = new TestSource();
  const segments: PlayoutSegment[] = [];
  const failures: Error[] = [];
  const processes: FfmpegProcess[] = [];
  const start = (args: readonly string[]) => {
    processes.push(ffmpeg.start(args));
    return processes.at(-1)!;
  };
  const pushTo = <Item>(list: Item[]) => ({ push: (item: Item) => Promise.resolve(void list.push(item)) });
  const choice = { view: "edge", wait: "hold", previews: "shown" } as const;
  await using picture = new LivePicture({
    choice,
    source,
    clock,
    createRendition: (codec, quality) => new Rendition({ codec, quality, ffmpeg: { ...ffmpeg, start } }),
    segments: pushTo(segments),
    failures: pushTo(failures),
  });
  const pass = async (ticks: number) => {
    for (let tick = 0; tick < ticks; tick++) await clock.pass(tickMs).then(turn);
  };
  await body({ picture, source, clock, segments, failures, processes, pass });
}

/** The runtime's loop goes around once, so that processes can answer. */
const turn = () => new Promise<void>((resolve) => setTimeout(resolve, 0));

/** Somebody who takes pictures and never leaves. */
function collector() {
  const timestamps: number[] = [];
  /** Everything that the source has been asked for is here. */
  const caughtUp = async ({ ticks }: TestSource) => {
    while (ticks.length > 0 && timestamps.at(-1) !== rtpTimestampOf(ticks.at(-1)!)) await turn();
  };
  const read = (pictures: readonly RenditionPicture[]) => {
    for (const { rtpTimestamp } of pictures) timestamps.push(rtpTimestamp);
  };
  return { timestamps, read, caughtUp };
}

const steps = (timestamps: readonly number[]) =>
  timestamps.slice(1).map((timestamp, k) => (timestamp - timestamps[k]!) >>> 0);

Deno.test("LivePicture asks its source at each tick of the grid and sends a picture, 3000 apart", () =>
  withPicture(async ({ picture, source, clock }) => {
    const { timestamps, read, caughtUp } = collector();
    picture.rendition("vp8", "high").join(read);
    // The clock never stands exactly on a tick, as a real one.
    for (let k = 0; timestamps.length < 90; k++) {
      await clock.pass(k % 2 ? tickMs * 1.4 : tickMs * 0.6).then(turn);
      await caughtUp(source);
    }
    assert.ok(steps(timestamps).every((step) => step === 3000), steps(timestamps).join());
    assert.deepEqual(source.ticks, source.ticks.map((_, k) => source.ticks[0]! + k));
    assert.equal(timestamps[0], rtpTimestampOf(source.ticks[0]!));
    assert.ok(source.ticks[0] === Math.floor(1000 / tickMs) + 1);
  }));

Deno.test("LivePicture goes on with the present tick after the clock has jumped", () =>
  withPicture(async ({ picture, source, clock, pass }) => {
    const { timestamps, read } = collector();
    const rendition = picture.rendition("vp8", "high");
    rendition.join(read);
    await pass(10);
    await clock.pass(3_600_000);
    while (timestamps.length < 30) await pass(1);
    const [gap, ...others] = steps(source.ticks.map(rtpTimestampOf)).filter((step) => step !== 3000);
    assert.ok(gap! > 3590 * 90_000 && others.length === 0);
    assert.equal(rendition.counts.encoderRestarts, 0);
  }));

Deno.test("LivePicture tells each run once, with the timestamp of its beginning", () =>
  withPicture(async ({ picture, source, segments, pass }) => {
    picture.rendition("vp8", "high").expect(() => {});
    picture.rendition("h264", "high").expect(() => {});
    await pass(10);
    source.run = { ...source.run, start: 36, end: 73, sinceTick: 35 };
    await pass(10);
    const choice = {
      view: "edge",
      wait: "hold",
      previews: "shown",
      video: "one",
      shows: "frames",
      rate: 1,
      loop: true,
    };
    assert.deepEqual(segments, [
      { ...choice, start: 0, end: 36, rtpTimestamp: rtpTimestampOf(30) },
      { ...choice, start: 36, end: 73, rtpTimestamp: rtpTimestampOf(35) },
    ]);
    assert.deepEqual(picture.segment, segments[1]);
  }));

Deno.test("LivePicture sends a picture that has been still for a second at every fifth tick, and a new one at once", () =>
  withPicture(async ({ picture, source, pass }) => {
    const { timestamps, read, caughtUp } = collector();
    picture.rendition("vp8", "high").join(read);
    await pass(5);
    await caughtUp(source);
    source.moves = false;
    for (let tick = 0; tick < 29; tick++) await pass(1).then(() => caughtUp(source));
    await pass(50);
    source.moves = true;
    for (let tick = 0; tick < 5; tick++) await pass(1).then(() => caughtUp(source));
    const still = steps(timestamps).filter((step) => step !== 3000);
    assert.ok(still.length >= 9 && still.slice(0, -1).every((step) => step === 15_000), still.join());
    assert.ok(steps(timestamps).slice(-3).every((step) => step === 3000));
  }));

Deno.test("LivePicture sends a still picture at the next tick to whoever needs a key frame", () =>
  withPicture(async ({ picture, source, pass }) => {
    const { timestamps, read, caughtUp } = collector();
    const rendition = picture.rendition("vp8", "high");
    rendition.join(read);
    source.moves = false;
    while (timestamps.length < 40) await pass(1);
    while (timestamps.at(-1) !== rtpTimestampOf(source.ticks.at(-1)!)) await pass(1);
    rendition.requestKeyFrame();
    await pass(1);
    await caughtUp(source);
    assert.equal(rendition.counts.keyFrames, 2);
  }));

Deno.test("LivePicture ends five seconds after its last viewer, with every process and its source", () =>
  withPicture(async ({ picture, source, processes, pass }) => {
    const rendition = picture.rendition("vp8", "high");
    const read = () => {};
    rendition.expect(read);
    await pass(200);
    assert.equal(picture.state, "running");
    rendition.leave(read);
    await pass(140);
    assert.equal(picture.state, "running");
    let isOver = false;
    const over = picture.done.then(() => isOver = true);
    for (let tick = 0; tick < 20 && !isOver; tick++) await Promise.race([pass(1), over]);
    await over;
    assert.deepEqual([picture.state, source.state], ["ended", "disposed"]);
    await Promise.all(processes.map(({ status }) => status));
  }));

Deno.test("LivePicture closes a rendition for which no encoder will run, tells why, and goes on with the others", () => {
  const start = (args: readonly string[]) => realFfmpeg.start(args.includes("libx264") ? ["-i", "no-such-file"] : args);
  return withPicture(async ({ picture, source, failures, pass }) => {
    const { timestamps, read, caughtUp } = collector();
    picture.rendition("vp8", "high").join(read);
    const broken = picture.rendition("h264", "high");
    broken.expect(() => {});
    while (failures.length === 0) await pass(1).then(() => caughtUp(source));
    for (let tick = 0; tick < 20; tick++) await pass(1).then(() => caughtUp(source));
    assert.ok(failures[0] instanceof EncoderError);
    assert.deepEqual([broken.state, picture.state], ["closed", "running"]);
    assert.ok(steps(timestamps).every((step) => step === 3000));
  }, { ...realFfmpeg, start });
});

Deno.test("LivePicture ends with the error of its source", () =>
  withPicture(async ({ picture, source, pass }) => {
    const rendition = picture.rendition("vp8", "high");
    source.next = () => Promise.reject(new Error("the disk is gone"));
    void pass(2);
    await assert.rejects(picture.done, /the disk is gone/);
    assert.deepEqual([picture.state, rendition.state], ["ended", "closed"]);
  }));
