import assert from "node:assert/strict";
import { planOf } from "../../tests/footage_world.ts";
import type { PreviewClip } from "../video.ts";
import { sampledOf, VideoFootage } from "./footage.ts";
import { type FrameStore, openFrameStore } from "./frame_store.ts";

const plan = planOf("inverted", 2);
const startPicture = { widthPx: 64, heightPx: 64, pixels: new Uint8Array(64 * 64 * 3) };

function previewOf(section: number, step: number): PreviewClip {
  const range = plan.sections[section - 1]!;
  return { range, section, step, of: 9, widthPx: 8, heightPx: 8, pictures: 9, pixels: new Uint8Array(9 * 8 * 8 * 3) };
}

async function withStore(body: (store: FrameStore) => void): Promise<void> {
  const file = await Deno.makeTempFile({ prefix: "framecast-test-" });
  try {
    await using store = await openFrameStore(file, plan);
    body(store);
  } finally {
    await Deno.remove(file);
  }
}

Deno.test("VideoFootage keeps the newest preview and the work until their section is whole", () =>
  withStore((store) => {
    const footage = new VideoFootage({ store, placeholder: startPicture });
    footage.working(1, 0.5);
    footage.showPreview(previewOf(1, 1));
    footage.showPreview(previewOf(1, 2));
    footage.arrived({ start: 40, end: 60 });
    assert.equal(footage.preview?.step, 2);
    assert.deepEqual(footage.work, { section: 1, fraction: 0.5 });
    footage.arrived({ start: 60, end: 73 });
    assert.deepEqual(footage.decoded, [{ start: 40, end: 73 }]);
    assert.deepEqual([footage.preview, footage.work], [null, null]);
  }));

Deno.test("VideoFootage shows a section's preview until its frames are there, while the next one has previews already", () =>
  withStore((store) => {
    const footage = new VideoFootage({ store, placeholder: startPicture });
    const shown = () => [footage.preview?.section, footage.preview?.step];
    footage.showPreview(previewOf(1, 8));
    footage.working(2, 0.1);
    footage.showPreview(previewOf(2, 1));
    footage.showPreview(previewOf(2, 2));
    assert.deepEqual(shown(), [1, 8]);
    assert.deepEqual(footage.previews.map(({ section, step }) => [section, step]), [[1, 8], [2, 2]]);
    footage.arrived({ start: 40, end: 73 });
    assert.deepEqual(shown(), [2, 2]);
    assert.deepEqual(footage.work, { section: 2, fraction: 0.1 });
    footage.arrived({ start: 0, end: 40 });
    assert.deepEqual([footage.preview, footage.previews, footage.work], [null, [], null]);
  }));

Deno.test("sampledOf() counts the sections before the one in work as sampled", () => {
  const work = { section: 2, fraction: 0.3 };
  assert.deepEqual([1, 2, 3].map((section) => sampledOf(work, section)), [1, 0.3, 0]);
  assert.equal(sampledOf(null, 1), 0);
});

Deno.test("VideoFootage leaves out a preview that comes after its section, and all that comes after the end", () =>
  withStore((store) => {
    const footage = new VideoFootage({ store, placeholder: startPicture });
    footage.arrived({ start: 40, end: 73 });
    footage.showPreview(previewOf(1, 3));
    assert.equal(footage.preview, null);
    footage.showPreview(previewOf(2, 1));
    footage.working(2, 0.1);
    footage.end({ start: 40, end: 73 });
    footage.showPreview(previewOf(2, 2));
    footage.working(2, 0.2);
    footage.arrived({ start: 0, end: 40 });
    assert.deepEqual([footage.preview, footage.work, footage.isOver], [null, null, true]);
    assert.deepEqual(footage.decoded, [{ start: 40, end: 73 }]);
  }));

Deno.test("VideoFootage has only the frames that are kept once it is over", () =>
  withStore((store) => {
    const footage = new VideoFootage({ store, placeholder: startPicture });
    footage.arrived({ start: 40, end: 73 });
    footage.arrived({ start: 0, end: 4 });
    footage.end({ start: 40, end: 73 });
    assert.deepEqual(footage.decoded, [{ start: 40, end: 73 }]);
    const stopped = new VideoFootage({ store, placeholder: startPicture });
    stopped.end(null);
    assert.deepEqual(stopped.decoded, []);
  }));

Deno.test("VideoFootage refuses a start picture of another size", () =>
  withStore((store) => {
    const placeholder = { widthPx: 32, heightPx: 64, pixels: new Uint8Array(32 * 64 * 3) };
    assert.throws(() => new VideoFootage({ store, placeholder }), TypeError);
  }));
