import assert from "node:assert/strict";
import { createFragmentCollector, type HandshakeFragment } from "./handshake_fragments.ts";

const fragment = (sequence: number, start: number, end: number, length: number): HandshakeFragment => ({
  message_seq: sequence,
  length,
  fragment_offset: start,
  fragment_length: end - start,
});
const first = fragment(1, 0, 1175, 1433);
const last = fragment(1, 1175, 1433, 1433);

Deno.test("createFragmentCollector() gives an unbroken message at once", () => {
  const whole = fragment(0, 0, 90, 90);
  const empty = fragment(1, 0, 0, 0);
  assert.deepEqual(createFragmentCollector()([whole, empty]), [whole, empty]);
});

Deno.test("createFragmentCollector() gives a message when its last hole is filled, whatever came twice or early", () => {
  const collect = createFragmentCollector();
  assert.deepEqual([last, last].flatMap((each) => collect([each])), []); // the first was lost two times
  assert.deepEqual(collect([first]), [first, last]);
  assert.deepEqual(collect([first]), []); // repeated from the start
  assert.deepEqual(collect([last]), [first, last]);
});

Deno.test("createFragmentCollector() keeps the parts of different messages apart", () => {
  const collect = createFragmentCollector();
  const other = fragment(2, 0, 100, 200);
  assert.deepEqual(collect([other, last]), []);
  assert.deepEqual(collect([first]), [first, last]);
  assert.deepEqual(collect([fragment(2, 90, 200, 200)]), [other, fragment(2, 90, 200, 200)]);
});

Deno.test("createFragmentCollector() keeps no more than a handshake can have", () => {
  const collect = createFragmentCollector();
  for (let at = 0; at < 100; at++) assert.deepEqual(collect([fragment(0, at, at + 1, 100)]), []);
  for (let sequence = 1; sequence < 8; sequence++) assert.deepEqual(collect([fragment(sequence, 0, 1, 2)]), []);
  assert.deepEqual(collect([fragment(8, 0, 1, 2), fragment(8, 1, 2, 2)]), []);
});
