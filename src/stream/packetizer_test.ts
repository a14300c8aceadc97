import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { H264RtpPayload, Vp8RtpPayload } from "werift";
import type { AccessUnit } from "./access_unit.ts";
import { packetize } from "./packetizer.ts";

const vp8Key: AccessUnit = { frameNumber: 0, isKeyFrame: true, data: new Uint8Array(3000).fill(0x10) };

const sps = [0x67, 0x42, 0xc0, 0x1f, 1, 2, 3];
const pps = [0x68, 0xce, 0x3c, 0x80];
/** ISO/IEC 14496-15, 5.3.3.1. */
function avcRecord(pictureParameters: number[]): Uint8Array {
  const head = [1, 0x42, 0xc0, 0x1f, 0xfc | 3]; // version, profile, compatibility, level, length size − 1
  return new Uint8Array([...head, 0xe1, 0, sps.length, ...sps, 1, 0, pictureParameters.length, ...pictureParameters]);
}

function h264Unit(nalBytes: number, type: number, configuration: Uint8Array): AccessUnit {
  const nal = new Uint8Array(nalBytes).fill(7);
  nal[0] = type;
  const data = new Uint8Array([nalBytes >>> 24, nalBytes >>> 16, nalBytes >>> 8, nalBytes, ...nal]);
  return { frameNumber: 0, isKeyFrame: type === 0x65, data, configuration };
}

Deno.test("packetize(h264) leaves NAL units alone whose length looks like a start code", () => {
  for (let nalBytes = 200; nalBytes < 600; nalBytes++) {
    const packets = packetize("h264", h264Unit(nalBytes, 0x41, avcRecord(pps)), 0);
    const annexB = Buffer.concat(packets.map(({ payload }) => H264RtpPayload.deSerialize(payload).payload));
    assert.deepEqual([...annexB.subarray(0, 4)], [0, 0, 0, 1]);
    assert.equal(annexB.length, 4 + nalBytes);
  }
});

Deno.test("packetize(h264) sends the parameter sets of the moment before each key frame", () => {
  const otherPps = [...pps, 9];
  const units = [[0x65, pps], [0x41, pps], [0x65, otherPps]] as const;
  const packets = units.map(([type, picture]) => packetize("h264", h264Unit(3000, type, avcRecord([...picture])), 0));
  const stapA = 24; // RFC 6184 section 5.7.1
  const fuA = 28; // section 5.8
  assert.deepEqual(packets.map(([first]) => first!.payload[0]! & 31), [stapA, fuA, stapA]);
  const sets = [sps, otherPps].flatMap((set) => [0, set.length, ...set]);
  assert.deepEqual([...packets[2]![0]!.payload.subarray(1)], sets);
});

Deno.test("packetize(h264) cuts large NAL units into fragments that a receiver puts together again", () => {
  const unit = h264Unit(5000, 0x41, avcRecord(pps));
  let rest: Buffer | undefined;
  let whole = Buffer.alloc(0);
  for (const { payload } of packetize("h264", unit, 0)) {
    const { fragment, payload: part } = H264RtpPayload.deSerialize(payload, rest);
    rest = fragment;
    whole = Buffer.concat([whole, part ?? Buffer.alloc(0)]);
  }
  assert.deepEqual(whole.subarray(4), Buffer.from(unit.data.subarray(4)));
});

Deno.test("packetize(vp8) marks the start of a frame, and a receiver puts it together again", () => {
  const packets = packetize("vp8", vp8Key, 7);
  const parts = packets.map(({ payload }) => Vp8RtpPayload.deSerialize(payload));
  assert.deepEqual(parts.map(({ isPartitionHead }) => isPartitionHead), [true, false, false]);
  assert.deepEqual(Buffer.concat(parts.map(({ payload }) => payload)), Buffer.from(vp8Key.data));
  assert.deepEqual(packets.map(({ marker, timestamp }) => [marker, timestamp]), [[false, 7], [false, 7], [true, 7]]);
});

for (const [codec, unit] of [["vp8", vp8Key], ["h264", h264Unit(50_000, 0x65, avcRecord(pps))]] as const) {
  Deno.test(`packetize(${codec}) keeps every packet below the smallest MTU`, () => {
    const packets = packetize(codec, unit, 0);
    assert.ok(packets.every(({ payload }) => payload.length <= 1180));
    assert.ok(packets.filter(({ payload }) => payload.length < 900).length <= 1, "no short leftovers");
  });
}
