import assert from "node:assert/strict";
import { findFfmpeg } from "../ffmpeg.ts";
import { ManualClock } from "../../tests/manual_clock.ts";
import { systemClock } from "./clock.ts";
import { FrameBus } from "./frame_bus.ts";
import { Guest } from "./guest.ts";
import { LivePicture, type PlayoutSegment } from "./live_picture.ts";
import { Rendition } from "./rendition.ts";
import type { Viewer, ViewerEvent, ViewerLine } from "./viewer.ts";

const ffmpeg = await findFfmpeg();
const choice = { view: "edge", wait: "hold", previews: "shown" } as const;
const format = { widthPx: 32, heightPx: 32, frameRate: 30 };

/** A viewer whose line is what a test says. */
function fakeViewer() {
  const end = new AbortController();
  const bus = new FrameBus<ViewerEvent>();
  const events = bus.read({ overflow: "wait" });
  const line = {
    packets: 0,
    bytes: 0,
    repeats: 0,
    reports: 0,
    fractionLost: 0,
    roundTripMs: 5,
    estimatedBitrate: null,
  };
  const state = {
    sent: 0,
    packetsReceived: 0,
    line: line as { -readonly [Name in keyof ViewerLine]: ViewerLine[Name] },
  };
  const viewer: Viewer = {
    id: "viewer",
    codec: "vp8",
    answerSdp: "",
    events,
    get packetsReceived() {
      return state.packetsReceived;
    },
    ended: end.signal,
    send: (packets) => void (state.sent += packets.length),
    turn() {},
    get line() {
      return { ...state.line };
    },
    tell() {},
    untoldBytes: 0,
    hush() {},
    [Symbol.asyncDispose]() {
      end.abort();
      bus.close();
      return Promise.resolve();
    },
  };
  return { viewer, state, connect: () => bus.push("connected") };
}

async function withGuest(
  body: (
    stage: ReturnType<typeof fakeViewer> & {
      readonly guest: Guest;
      readonly picture: LivePicture;
      readonly clock: ManualClock;
    },
  ) => Promise<void>,
): Promise<void> {
  const segments = new FrameBus<PlayoutSegment>();
  const run = { sinceTick: 0, shows: "frames", start: 0, end: 1, rate: 1, loop: true } as const;
  await using picture = new LivePicture({
    choice,
    source: {
      next: (tick) => Promise.resolve({ format, pixels: new Uint8Array(3072).fill(tick), run, video: null }),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    },
    createRendition: (codec, quality) => new Rendition({ codec, quality, ffmpeg }),
    clock: systemClock,
    segments,
    failures: { push: (error) => Promise.reject(error) },
  });
  const clock = new ManualClock();
  const fake = fakeViewer();
  const guest = new Guest({ viewer: fake.viewer, choice, pictureOf: () => picture, segments, clock });
  await body({ ...fake, guest, picture, clock });
  await fake.viewer[Symbol.asyncDispose]();
  await guest.done;
}

const qualities = (picture: LivePicture) =>
  [...picture.renditions].map(({ quality, readers }) => `${quality} ${readers}`);

Deno.test("Guest is given up when nothing comes from it, connected or not", async () => {
  await withGuest(async ({ viewer, guest, clock }) => {
    for (let second = 0; second < 13; second++) await clock.pass(1000);
    assert.ok(!viewer.ended.aborted);
    await clock.pass(1000);
    await guest.done;
    assert.ok(viewer.ended.aborted);
  });
  await withGuest(async ({ viewer, state, guest, clock }) => {
    for (let second = 0; second < 60; second++) {
      state.packetsReceived++;
      await clock.pass(1000);
    }
    assert.ok(!viewer.ended.aborted);
    for (let second = 0; second < 6; second++) await clock.pass(1000);
    await guest.done;
  });
});

Deno.test("Guest moves to a low quality when its line loses much, and back when it has recovered", () =>
  withGuest(async ({ state, guest, picture, clock, connect }) => {
    await connect();
    const pass = async (seconds: number, repeats: number) => {
      for (let second = 0; second < seconds; second++) {
        state.packetsReceived++;
        const { packets, repeats: before, reports, bytes } = state.line;
        const grown = { packets: packets + 30, repeats: before + repeats, reports: reports + 1, bytes: bytes + 30_000 };
        Object.assign(state.line, grown);
        await clock.pass(1000);
      }
    };
    await pass(20, 1);
    assert.deepEqual(qualities(picture), ["high 1"]);
    await pass(8, 9);
    assert.equal(guest.rendition.quality, "low");
    const { sent } = state;
    while (guest.rendition.counts.picturesEncoded === 0 || state.sent <= sent + 5) {
      await new Promise((r) => setTimeout(r, 5));
    }
    assert.deepEqual(qualities(picture), ["high 0", "low 1"]);
    await pass(40, 0);
    assert.equal(guest.rendition.quality, "high");
  }));
