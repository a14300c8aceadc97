import assert from "node:assert/strict";
import { type StreamOrder, streamOrders, type StreamPass } from "./stream_orders.ts";

const shown = (orders: Iterable<StreamOrder<string>>) =>
  [...orders].map(({ kind, block, slot }) => `${kind} ${block}${slot === null ? "" : ` ${slot}`}`);

const pass = (given: Partial<StreamPass<string>>): StreamPass<string> => ({
  blocks: [],
  isResident: () => false,
  slots: [undefined, undefined],
  next: [],
  ...given,
});

Deno.test("streamOrders() copies a block while the one before it computes, and reads the one after it", () => {
  assert.deepEqual(shown(streamOrders(pass({ blocks: ["a", "b", "c", "d"], next: ["a", "b"] }))), [
    "read a 0",
    "upload a 0",
    "read b 1",
    "upload b 1",
    "await a 0",
    "read c 0",
    "compute a 0",
    "upload c 0",
    "await b 1",
    "read d 1",
    "compute b 1",
    "upload d 1",
    "await c 0",
    "read a 0",
    "compute c 0",
    "upload a 0",
    "await d 1",
    "read b 1",
    "compute d 1",
    "upload b 1",
  ]);
});

Deno.test("streamOrders() fetches nothing that is there: residents, and what the last pass fetched", () => {
  const isResident = (block: string) => block === "b";
  assert.deepEqual(shown(streamOrders(pass({ blocks: ["a", "b", "c"], isResident, slots: ["c", "a"] }))), [
    "await a 1",
    "compute a 1",
    "compute b",
    "await c 0",
    "compute c 0",
  ]);
});

Deno.test("streamOrders() refuses one slot, unless nothing is streamed", () => {
  assert.throws(() => [...streamOrders(pass({ blocks: ["a"], slots: [undefined] }))], {
    name: "RangeError",
    message: "Cannot stream blocks through 1 slots: two are the least",
  });
  const orders = streamOrders(pass({ blocks: ["a"], slots: [], isResident: () => true }));
  assert.deepEqual(shown(orders), ["compute a"]);
});

/** Plays several passes and throws where an order breaks what it depends on. Gives the loads of each pass. */
function play(passes: readonly (readonly string[])[], isResident: (block: string) => boolean, slotCount: number) {
  const slots: (string | undefined)[] = Array(slotCount).fill(undefined);
  const staged: (string | undefined)[] = Array(slotCount).fill(undefined);
  return passes.map((blocks, index) => {
    const computed: string[] = [];
    let uploads = 0;
    let awaited: string | undefined;
    const orders = [...streamOrders({ blocks, isResident, slots, next: passes[index + 1] ?? [] })];
    for (const [at, { kind, block, slot }] of orders.entries()) {
      if (kind === "compute") {
        computed.push(block);
        assert.equal(slot === null, isResident(block));
        if (slot === null) continue;
        assert.equal(slots[slot], block, "a block computes on its own weights");
        assert.equal(awaited, block, "and not before they are there");
        continue;
      }
      if (kind === "await") {
        assert.equal(slots[slot!], block);
        awaited = block;
      } else if (kind === "read") {
        staged[slot!] = block;
      } else {
        uploads++;
        assert.equal(staged[slot!], block, "an upload takes what was read");
        const stillNeeded = orders.slice(at).some((later) => later.kind === "compute" && later.block === slots[slot!]);
        const isFetchedAgain = orders.slice(at + 1).some((later) =>
          later.kind === "upload" && later.block === slots[slot!]
        );
        assert.ok(!stillNeeded || isFetchedAgain, `${slots[slot!]} is overwritten before it computed`);
        slots[slot!] = block;
      }
    }
    assert.deepEqual(computed, blocks, "every block computes once, in order");
    return uploads;
  });
}

Deno.test("streamOrders() holds its promises for every number of blocks, residents and slots, pass after pass", () => {
  for (let count = 1; count <= 7; count++) {
    const blocks = Array.from({ length: count }, (_, index) => `b${index}`);
    for (let residents = 0; residents < 2 ** count; residents++) {
      const isResident = (block: string) => (residents >> blocks.indexOf(block)) % 2 === 1;
      const streamed = blocks.filter((block) => !isResident(block)).length;
      for (const slotCount of [2, 3, 4]) {
        const uploads = play([blocks, blocks, blocks], isResident, slotCount);
        const inAll = uploads.reduce((sum, each) => sum + each, 0);
        // What fits into the slots is copied once. Else each pass copies each block once, and finds its first ones there.
        assert.equal(inAll, streamed <= slotCount ? streamed : 3 * streamed);
      }
    }
  }
});

Deno.test("streamOrders() goes over to other blocks, whose first ones the pass before has fetched", () => {
  const layers = ["m0", "m1", "m2"];
  const blocks = ["b0", "b1", "b2", "b3"];
  assert.deepEqual(play([layers, blocks, blocks, layers, blocks], () => false, 2), [3 + 2, 4, 2 + 2, 1 + 2, 2]);
});
