import assert from "node:assert/strict";
import { openTestVideo, type TestVideo } from "../../tests/footage_on_disk.ts";
import { planOf } from "../../tests/footage_world.ts";
import { StoreError } from "./errors.ts";
import type { TickPicture } from "./picture_source.ts";
import type { ViewChoice } from "./playout.ts";
import { createVideoSource } from "./video_source.ts";

/** A forward video of two sections and one who watches it, tick by tick. */
async function watching(
  choice: ViewChoice,
  body: (video: TestVideo, next: () => Promise<TickPicture>) => Promise<void>,
): Promise<void> {
  await using video = await openTestVideo(planOf("forward", 2));
  await using source = createVideoSource("abc", video.footage, choice);
  let tick = 5;
  await body(video, () => source.next(tick++));
}

const edge: ViewChoice = { view: "edge", wait: "hold", previews: "shown" };

/** The frame that a picture of a test video shows. */
function frameIn({ pixels }: TickPicture): number {
  assert.ok(pixels.every((value) => value === pixels[0]));
  return pixels[0]! - 1;
}

Deno.test("createVideoSource() goes from slate to preview to frames, of one size and under one id", () =>
  watching(edge, async (video, next) => {
    const seen = [await next()];
    video.preview(1);
    seen.push(await next());
    await video.make({ start: 0, end: 37 });
    seen.push(await next());
    assert.deepEqual(seen.map(({ run }) => run.shows), ["slate", "preview", "frames"]);
    assert.ok(
      seen.every(({ pixels, format, video: id }) =>
        pixels.length === 64 * 64 * 3 && format.widthPx === 64 && id === "abc"
      ),
    );
    assert.deepEqual([...seen[1]!.pixels.subarray(0, 3)], [254, 254, 254]);
    assert.equal(frameIn(seen[2]!), 0);
  }));

Deno.test("createVideoSource() reads every frame that its playout tells", () =>
  watching(edge, async (video, next) => {
    await video.make({ start: 0, end: 37 });
    const frames = [];
    for (let tick = 0; tick < 40; tick++) frames.push(frameIn(await next()));
    assert.deepEqual(frames, [...Array.from({ length: 37 }, (_, k) => k), 36, 36, 36]);
  }));

Deno.test("createVideoSource() gives the same object while nothing changes, and another when a frame becomes final", () =>
  watching({ ...edge, view: "arrival" }, async (video, next) => {
    const slate = (await next()).pixels;
    assert.equal((await next()).pixels, slate);
    video.footage.working(1, 0.7);
    assert.notEqual((await next()).pixels, slate);
    await video.make({ start: 0, end: 37 }, "provisional");
    for (let tick = 0; tick < 36; tick++) await next();
    const held = (await next()).pixels;
    assert.equal((await next()).pixels, held);
    await video.make({ start: 36, end: 37 });
    const final = (await next()).pixels;
    assert.notEqual(final, held);
    assert.deepEqual(final, held);
    assert.equal((await next()).pixels, final);
  }));

Deno.test("createVideoSource() keeps its picture when a frame cannot be read, and throws only without one", () =>
  watching(edge, async (video, next) => {
    await video.make({ start: 0, end: 37 });
    await using late = createVideoSource("abc", video.footage, edge);
    await next();
    const last = await next();
    const { store } = video;
    const read = store.read.bind(store);
    store.read = () => Promise.reject(new StoreError("Cannot read: a test says so"));
    assert.equal((await next()).pixels, last.pixels);
    await assert.rejects(late.next(5), StoreError);
    store.read = read;
    assert.equal(frameIn(await next()), 3);
    assert.equal(frameIn(await late.next(6)), 1);
  }));
