import assert from "node:assert/strict";
import type { VideoPlan } from "../video.ts";
import { StoreError } from "./errors.ts";
import { type FrameStore, openFrameStore } from "./frame_store.ts";

const frameBytes = 16 * 8 * 3;
const plan: VideoPlan = {
  format: { widthPx: 16, heightPx: 8, frameRate: 30 },
  frames: 73,
  sections: [{ start: 40, end: 73 }, { start: 0, end: 40 }],
};

async function withStore(body: (store: FrameStore, file: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir();
  try {
    await using store = await openFrameStore(`${directory}/frames.rgb`, plan);
    await body(store, `${directory}/frames.rgb`);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** Frames whose bytes all say which frame they are. */
function frames(start: number, end: number, add = 0): Uint8Array {
  return new Uint8Array((end - start) * frameBytes).map((_, at) => (start + Math.floor(at / frameBytes) + add) & 255);
}

Deno.test("openFrameStore() gives back each frame, whatever order they came in", () =>
  withStore(async (store) => {
    await store.write({ firstFrameIndex: 40, pixels: frames(40, 73), state: "provisional" });
    await store.write({ firstFrameIndex: 0, pixels: frames(0, 40), state: "final" });
    assert.deepEqual(await store.read({ start: 30, end: 50 }), frames(30, 50));
    assert.deepEqual([store.stateOf(39), store.stateOf(40), store.stateOf(73)], ["final", "provisional", undefined]);
  }));

Deno.test("FrameStore.write() replaces provisional frames by final ones and never the other way", () =>
  withStore(async (store) => {
    await store.write({ firstFrameIndex: 5, pixels: frames(5, 10), state: "provisional" });
    await store.write({ firstFrameIndex: 5, pixels: frames(5, 8, 100), state: "final" });
    assert.deepEqual(await store.read({ start: 5, end: 10 }), new Uint8Array([...frames(5, 8, 100), ...frames(8, 10)]));
    const back = store.write({ firstFrameIndex: 7, pixels: frames(7, 9), state: "provisional" });
    await assert.rejects(back, /frame 7 as provisional: it is final already/);
  }));

Deno.test("FrameStore reads and writes at the same time without mixing up places", () =>
  withStore(async (store) => {
    await store.write({ firstFrameIndex: 0, pixels: frames(0, 20), state: "final" });
    const writes = Array.from({ length: 53 }, (_, k) =>
      store.write({ firstFrameIndex: 20 + k, pixels: frames(20 + k, 21 + k), state: "final" }));
    const reads = Array.from({ length: 20 }, (_, k) =>
      store.read({ start: k, end: k + 1 }));
    await Promise.all(writes);
    (await Promise.all(reads)).forEach((pixels, k) => assert.deepEqual(pixels, frames(k, k + 1)));
    assert.deepEqual(await store.read({ start: 0, end: 73 }), frames(0, 73));
  }));

Deno.test("FrameStore.settle() makes what was written final and touches nothing else", () =>
  withStore(async (store) => {
    await store.write({ firstFrameIndex: 1, pixels: frames(1, 3), state: "provisional" });
    store.settle({ start: 0, end: 73 });
    assert.deepEqual([0, 1, 2, 3].map((index) => store.stateOf(index)), [undefined, "final", "final", undefined]);
  }));

Deno.test("FrameStore refuses frames outside the plan, parts of frames and frames never written", () =>
  withStore(async (store) => {
    const outside = store.write({ firstFrameIndex: 72, pixels: frames(72, 74), state: "final" });
    await assert.rejects(outside, /inside \[0, 73\)/);
    const part = store.write({ firstFrameIndex: 0, pixels: new Uint8Array(100), state: "final" });
    await assert.rejects(part, RangeError);
    await assert.rejects(store.read({ start: 4, end: 5 }), /frame 4: it was never written/);
  }));

Deno.test("openFrameStore() says in one sentence why it cannot", async () => {
  await assert.rejects(openFrameStore("/nowhere/frames.rgb", plan), StoreError);
});
