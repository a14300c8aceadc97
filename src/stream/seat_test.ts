import assert from "node:assert/strict";
import { findFfmpeg } from "../ffmpeg.ts";
import type { Packet } from "./packetizer.ts";
import { PacketRow } from "./packet_row.ts";
import { Rendition } from "./rendition.ts";
import { Seat } from "./seat.ts";

const ffmpeg = await findFfmpeg();
const options = { codec: "vp8", quality: "high", ffmpeg } as const;
const format = { widthPx: 32, heightPx: 32, frameRate: 30 };

/** A viewer that numbers what it gets, as a real one does. */
function viewer() {
  const row = new PacketRow(0);
  const pictures: { timestamp: number; sequenceNumber: number; payload: Uint8Array }[] = [];
  let arrival = Promise.withResolvers<void>();
  return {
    pictures,
    send(packets: readonly Packet[]) {
      for (const packet of packets) pictures.push({ ...row.next(packet), payload: packet.payload });
      arrival.resolve();
    },
    turn: () => row.turn(),
    async until(count: number) {
      while (pictures.length < count) {
        arrival = Promise.withResolvers();
        await arrival.promise;
      }
    },
  };
}

/** RFC 7741 section 4.2 and RFC 6386 section 9.1: behind the descriptor the frame tag, whose lowest bit says "no key frame". */
const isKeyFrame = (payload: Uint8Array) => (payload[1]! & 1) === 0;

/** One still picture of 32 × 32 is one packet. */
function show(rendition: Rendition, frame: number): void {
  rendition.show({ format, pixels: new Uint8Array(32 * 32 * 3).fill(frame), rtpTimestamp: frame * 3000 });
}

Deno.test("Seat.move() goes on at a key frame of the other rendition, without a gap in numbers or time", async () => {
  await using one = new Rendition(options);
  await using other = new Rendition(options);
  const watcher = viewer();
  const seat = new Seat(watcher, one);
  seat.connect();
  for (let frame = 0; frame < 10; frame++) {
    show(one, frame);
    await watcher.until(frame + 1);
  }
  let arrivals = 0;
  seat.move(other, () => arrivals++);
  assert.deepEqual([one.readers, other.readers, arrivals], [1, 1, 0]);
  show(one, 10);
  await watcher.until(11); // the other one starts meanwhile, and what it gives first is as old as this
  show(other, 10);
  await watcher.until(12);
  assert.deepEqual([one.readers, other.readers, arrivals], [0, 1, 1]);
  show(one, 11);
  show(other, 11);
  await watcher.until(13);
  const { pictures } = watcher;
  assert.deepEqual(pictures.map(({ sequenceNumber }) => sequenceNumber), pictures.map((_, k) => k));
  assert.deepEqual(pictures.map(({ timestamp }) => timestamp).slice(9), [27000, 30000, 30001, 33000]);
  assert.deepEqual(pictures.flatMap(({ payload }, k) => isKeyFrame(payload) ? [k] : []), [0, 11]);
  seat.leave();
  assert.equal(other.readers, 0);
});

Deno.test("Seat.move() back before the key frame came changes nothing", async () => {
  await using one = new Rendition(options);
  await using other = new Rendition(options);
  const watcher = viewer();
  const seat = new Seat(watcher, one);
  seat.connect();
  seat.move(other, () => assert.fail("it never gets there"));
  seat.move(one, () => {});
  assert.deepEqual([seat.rendition, one.readers, other.readers], [one, 1, 0]);
  show(one, 0);
  await watcher.until(1);
});

Deno.test("Seat.move() while the viewer is still connecting keeps only the other rendition running", async () => {
  await using one = new Rendition(options);
  await using other = new Rendition(options);
  const watcher = viewer();
  const seat = new Seat(watcher, one);
  seat.move(other, () => {});
  assert.deepEqual([one.readers, other.readers], [0, 1]);
  seat.connect();
  show(other, 0);
  await watcher.until(1);
});
