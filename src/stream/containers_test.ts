import assert from "node:assert/strict";
import type { AccessUnit } from "./access_unit.ts";
import { readFlv } from "./flv.ts";
import { readIvf } from "./ivf.ts";

/** The same bytes in pieces of every size: what a pipe does. */
async function* inPieces(bytes: Uint8Array, sizeBytes: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += sizeBytes) yield bytes.slice(at, at + sizeBytes);
}

async function all(units: AsyncIterable<AccessUnit>): Promise<AccessUnit[]> {
  return await Array.fromAsync(units);
}

function bytes(...parts: (Uint8Array | number[])[]): Uint8Array {
  return new Uint8Array(parts.flatMap((part) => [...part]));
}

function number(value: number, sizeBytes: number, order: "big" | "little"): number[] {
  const low = Array.from({ length: sizeBytes }, (_, k) => Math.floor(value / 256 ** k) % 256);
  return order === "little" ? low : low.reverse();
}

const ascii = (text: string) => new TextEncoder().encode(text);

function ivf(frames: { time: number; data: number[] }[]): Uint8Array {
  const header = bytes(
    ascii("DKIF"),
    number(0, 2, "little"), // version
    number(32, 2, "little"), // header length
    ascii("VP80"),
    number(64, 2, "little"),
    number(48, 2, "little"),
    number(30, 4, "little"), // rate
    number(1, 4, "little"), // scale
    number(0, 4, "little"), // frames
    number(0, 4, "little"),
  );
  const body = frames.map(({ time, data }) => bytes(number(data.length, 4, "little"), number(time, 8, "little"), data));
  return bytes(header, ...body);
}

const vp8Key = [0x10, 1, 2, 3];
const vp8Delta = [0x11, 4];

Deno.test("readIvf() gives each frame with its number and kind, however the bytes are cut", async () => {
  const file = ivf([{ time: 0, data: vp8Key }, { time: 1, data: vp8Delta }, { time: 300, data: vp8Delta }]);
  for (const size of [1, 3, 7, 12, 1000]) {
    assert.deepEqual(await all(readIvf(inPieces(file, size))), [
      { frameNumber: 0, isKeyFrame: true, data: new Uint8Array(vp8Key) },
      { frameNumber: 1, isKeyFrame: false, data: new Uint8Array(vp8Delta) },
      { frameNumber: 300, isKeyFrame: false, data: new Uint8Array(vp8Delta) },
    ]);
  }
});

Deno.test("readIvf() leaves out a frame that is cut off and refuses other files", async () => {
  const file = ivf([{ time: 0, data: vp8Key }, { time: 1, data: vp8Delta }]);
  assert.equal((await all(readIvf(inPieces(file.slice(0, -1), 5)))).length, 1);
  assert.equal((await all(readIvf(inPieces(new Uint8Array(), 5)))).length, 0);
  await assert.rejects(all(readIvf(inPieces(ascii("RIFF0000"), 8))), /DKIF/);
});

function flvTag(type: number, timeMs: number, data: number[]): Uint8Array {
  return bytes(
    [type],
    number(data.length, 3, "big"),
    number(timeMs % 2 ** 24, 3, "big"),
    [Math.floor(timeMs / 2 ** 24)],
    number(0, 3, "big"), // stream
    data,
    number(data.length + 11, 4, "big"), // size of this tag, read as the next one's "previous tag size"
  );
}

const record = [1, 0x42, 0xc0, 0x1f, 0xff];
const avcRecord = [0x17, 0, 0, 0, 0, ...record];
const avcKey = [0x17, 1, 0, 0, 0, 0, 0, 0, 2, 0x65, 9];
const avcDelta = [0x27, 1, 0, 0, 0, 0, 0, 0, 2, 0x41, 8];

function flv(...tags: Uint8Array[]): Uint8Array {
  return bytes(ascii("FLV"), [1, 1], number(9, 4, "big"), number(0, 4, "big"), ...tags);
}

Deno.test("readFlv() gives each access unit with number, kind and parameter sets, however the bytes are cut", async () => {
  const tags = [flvTag(18, 0, [2, 0, 1]), flvTag(9, 0, avcRecord), flvTag(9, 0, avcKey), flvTag(9, 33, avcDelta)];
  const late = flvTag(9, 20_000_033, avcDelta); // needs the fourth byte of the time
  const configuration = new Uint8Array(record);
  for (const size of [1, 4, 11, 1000]) {
    assert.deepEqual(await all(readFlv(inPieces(flv(...tags, late), size), 30)), [
      { frameNumber: 0, isKeyFrame: true, data: new Uint8Array(avcKey.slice(5)), configuration },
      { frameNumber: 1, isKeyFrame: false, data: new Uint8Array(avcDelta.slice(5)), configuration },
      { frameNumber: 600_001, isKeyFrame: false, data: new Uint8Array(avcDelta.slice(5)), configuration },
    ]);
  }
});

Deno.test("readFlv() leaves out a tag that is cut off and refuses other files", async () => {
  const file = flv(flvTag(9, 0, avcRecord), flvTag(9, 0, avcKey), flvTag(9, 33, avcDelta));
  assert.equal((await all(readFlv(inPieces(file.slice(0, -6), 5), 30))).length, 1);
  await assert.rejects(all(readFlv(inPieces(ascii("not video"), 9), 30)), /FLV/);
});
