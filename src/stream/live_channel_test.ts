import assert from "node:assert/strict";
import { findFfmpeg } from "../ffmpeg.ts";
import { LiveChannel } from "./live_channel.ts";
import type { Packet, Viewer } from "./viewer.ts";

const format = { widthPx: 32, heightPx: 32, frameRate: 30 };
const ffmpeg = await findFfmpeg();

interface Watcher extends Viewer {
  /** In frames since the channel began, one per packet and per key frame. */
  readonly packets: number[];
  readonly sequenceNumbers: number[];
  readonly keyFrames: number[];
  /** Resolves when a picture has come completely. */
  until(frame: number): Promise<void>;
}

function watcher(): Watcher {
  const packets: number[] = [];
  const sequenceNumbers: number[] = [];
  const keyFrames: number[] = [];
  let arrival = Promise.withResolvers<void>();
  return {
    id: crypto.randomUUID(),
    codec: "vp8",
    answerSdp: "",
    events: (async function* () {})(),
    ended: new AbortController().signal,
    packetsReceived: 0,
    packets,
    sequenceNumbers,
    keyFrames,
    send(sent: readonly Packet[]) {
      for (const { header, payload } of sent) {
        packets.push(header.timestamp / 3000);
        sequenceNumbers.push(header.sequenceNumber);
        // RFC 7741 section 4.2: S, the start of a frame; behind four bytes the frame tag, whose lowest bit says "no key frame".
        if (payload[0]! & 0x10 && !(payload[4]! & 1)) keyFrames.push(header.timestamp / 3000);
      }
      arrival.resolve();
    },
    async until(frame) {
      while ((packets.at(-1) ?? -1) < frame) {
        arrival = Promise.withResolvers();
        await arrival.promise;
      }
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

function picture(frame: number): Uint8Array {
  return new Uint8Array(32 * 32 * 3).map((_, at) => (at * (frame + 3) * 2654435761) >>> 24);
}

/** Writes pictures one by one, each after the one before has reached `viewer`. */
async function show(channel: LiveChannel, viewer: Watcher, frames: { start: number; end: number }): Promise<void> {
  for (let frame = frames.start; frame < frames.end; frame++) {
    await channel.write(picture(frame), frame * 3000);
    await viewer.until(frame);
  }
}

Deno.test("LiveChannel.connect() replays from the last key frame on and goes on without gap or repetition", async () => {
  await using channel = new LiveChannel({ codec: "vp8", format, ffmpeg });
  const [early, late] = [watcher(), watcher()];
  channel.expect(early);
  channel.connect(early);
  await show(channel, early, { start: 0, end: 75 });
  channel.expect(late);
  assert.equal(late.packets.length, 0, "nothing before its connection is up");
  channel.connect(late);
  await show(channel, early, { start: 75, end: 80 });
  assert.deepEqual(late.keyFrames, [60]);
  assert.deepEqual(late.packets, early.packets.slice(-late.packets.length));
  assert.deepEqual([late.packets[0], late.packets.at(-1)], [60, 79]);
  const steps = late.sequenceNumbers.slice(1).map((number, k) => (number - late.sequenceNumbers[k]!) & 0xffff);
  assert.ok(steps.every((step) => step === 1));
});

Deno.test("LiveChannel.requestKeyFrame() brings one at once, and then one per 300 ms however many ask", async () => {
  await using channel = new LiveChannel({ codec: "vp8", format, ffmpeg });
  const viewer = watcher();
  channel.expect(viewer);
  channel.connect(viewer);
  await show(channel, viewer, { start: 0, end: 20 });
  for (let frame = 20; frame < 32; frame++) {
    channel.requestKeyFrame();
    await show(channel, viewer, { start: frame, end: frame + 1 });
  }
  await show(channel, viewer, { start: 32, end: 50 });
  assert.deepEqual(viewer.keyFrames, [0, 20, 30, 40]);
});

Deno.test("LiveChannel ends its viewers' connections when it is disposed", async () => {
  const channel = new LiveChannel({ codec: "vp8", format, ffmpeg });
  let ended = 0;
  channel.expect({ ...watcher(), [Symbol.asyncDispose]: () => Promise.resolve(void ended++) });
  await channel[Symbol.asyncDispose]();
  await channel.done;
  assert.equal(ended, 1);
});
