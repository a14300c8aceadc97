import assert from "node:assert/strict";
import { PacketRow } from "./packet_row.ts";

/** Packets of pictures, by their timestamps. */
function places(row: PacketRow, timestamps: readonly number[]) {
  return timestamps.map((timestamp) => row.next({ timestamp, marker: true, payload: Buffer.alloc(0) }));
}

Deno.test("PacketRow.next() numbers on over the wrap and leaves the timestamps of one encoder alone", () => {
  const row = new PacketRow(0xfffe);
  const given = [2 ** 32 - 3000, 2 ** 32 - 3000, 0, 3000];
  const passed = places(row, given);
  assert.deepEqual(passed.map(({ sequenceNumber }) => sequenceNumber), [0xfffe, 0xffff, 0, 1]);
  assert.deepEqual(passed.map(({ timestamp }) => timestamp), given);
});

Deno.test("PacketRow.turn() lets an encoder that lags behind follow directly, until it has caught up", () => {
  const row = new PacketRow(0);
  places(row, [0, 3000, 6000]);
  row.turn();
  const passed = places(row, [3000, 3000, 6000, 9000, 12000]);
  assert.deepEqual(passed.map(({ timestamp }) => timestamp), [6001, 6001, 6002, 9000, 12000]);
  assert.deepEqual(passed.map(({ sequenceNumber }) => sequenceNumber), [3, 4, 5, 6, 7]);
});

Deno.test("PacketRow.turn() makes a picture of the same tick another picture", () => {
  const row = new PacketRow(0);
  places(row, [2 ** 32 - 1]);
  row.turn();
  assert.deepEqual(places(row, [2 ** 32 - 1]).map(({ timestamp }) => timestamp), [0]);
});
