import assert from "node:assert/strict";
import { openTestVideo, type TestVideo } from "../../tests/footage_on_disk.ts";
import { planOf } from "../../tests/footage_world.ts";
import { type ChannelEnd, type ChannelVideo, createChannelSource } from "./channel_source.ts";
import { StoreError } from "./errors.ts";
import type { TickPicture } from "./picture_source.ts";
import type { ViewChoice } from "./playout.ts";

const format = { widthPx: 128, heightPx: 64, frameRate: 30 };

/** A channel with two videos of one section, of 64 × 64 and of 96 × 32 pixels, and one who watches it. */
class TestChannel implements AsyncDisposable {
  readonly #stack = new AsyncDisposableStack();
  /** Ids of the videos that are held. */
  readonly held: string[] = [];
  readonly #source;
  first!: TestVideo;
  second!: TestVideo;
  current: ChannelVideo | null = null;
  #tick = 100;

  constructor(end: ChannelEnd, choice: Partial<ViewChoice>) {
    this.#source = this.#stack.use(createChannelSource({
      current: () => this.current,
      choice: { view: "edge", wait: "hold", previews: "shown", ...choice },
      end,
      format,
    }));
  }

  static async open(end: ChannelEnd, choice: Partial<ViewChoice> = {}): Promise<TestChannel> {
    const channel = new TestChannel(end, choice);
    const plan = planOf("forward", 1);
    channel.first = channel.#stack.use(await openTestVideo(plan));
    const small = { ...plan, format: { widthPx: 96, heightPx: 32, frameRate: 30 } };
    channel.second = channel.#stack.use(await openTestVideo(small));
    return channel;
  }

  /** Makes a video the newest of the channel. */
  start(name: "first" | "second"): void {
    const hold = () => {
      this.held.push(name);
      return { [Symbol.asyncDispose]: () => Promise.resolve(void this.held.splice(this.held.indexOf(name), 1)) };
    };
    this.current = { id: name, footage: this[name].footage, hold };
  }

  /** Frames as numbers, everything else by name, with the video they are of. */
  async see(ticks: number): Promise<string[]> {
    const seen: string[] = [];
    for (let tick = 0; tick < ticks; tick++) {
      const { run, pixels, video } = await this.next();
      seen.push(`${video} ${run.shows === "frames" ? pixels[0]! - 1 : run.shows}`);
    }
    return seen;
  }

  async next(): Promise<TickPicture> {
    const picture = await this.#source.next(this.#tick++);
    assert.equal(picture.pixels.length, picture.format.widthPx * picture.format.heightPx * 3);
    return picture;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

const whole = { start: 0, end: 37 };
const frames = (video: string) => Array.from({ length: 37 }, (_, k) => `${video} ${k}`);

Deno.test("a channel shows a slate, then the first video from its first preview on", async () => {
  await using channel = await TestChannel.open("once");
  assert.deepEqual(await channel.see(1), ["null slate"]);
  assert.deepEqual((await channel.next()).format, format);
  channel.start("first");
  assert.deepEqual(await channel.see(1), ["null slate"]);
  channel.first.preview(1);
  assert.deepEqual(await channel.see(2), ["first preview", "first preview"]);
  await channel.first.make({ start: 0, end: 10 });
  assert.deepEqual(await channel.see(2), ["first 0", "first 1"]);
});

Deno.test("a channel's slate tells how far the next video is, and is the same object until it looks different", async () => {
  await using channel = await TestChannel.open("once", { previews: "hidden" });
  channel.start("first");
  channel.first.preview(1);
  channel.first.footage.working(1, 0.2);
  const slate = await channel.next();
  assert.deepEqual([slate.video, slate.format], [null, channel.first.footage.plan.format]);
  const same = await channel.next();
  assert.ok(same.pixels === slate.pixels && same.run === slate.run);
  channel.first.footage.working(1, 0.6);
  const further = await channel.next();
  assert.ok(further.pixels !== slate.pixels && further.run === slate.run);
});

Deno.test("a channel's slate does not go back when a section is decoded beside the next one", async () => {
  const plan = planOf("forward", 2);
  await using video = await openTestVideo(plan);
  const hold = () => ({ [Symbol.asyncDispose]: () => Promise.resolve() });
  await using source = createChannelSource({
    current: () => ({ id: "a", footage: video.footage, hold }),
    choice: { view: "edge", wait: "hold", previews: "hidden" },
    end: "once",
    format,
  });
  const line = async () => (await source.next(1)).pixels.filter((value, at) => at % 3 === 1 && value === 0xe0).length;
  const lines: number[] = [];
  for (const [section, fraction] of [[1, 0.5], [1, 1], [2, 0], [2, 0.5]] as const) {
    video.footage.working(section, fraction);
    lines.push(await line());
  }
  assert.ok(lines[0]! < lines[1]! && lines[1] === lines[2] && lines[2]! < lines[3]!, `${lines}`);
});

Deno.test("once: after its end a video plays as a whole, then the slate keeps its format", async () => {
  await using channel = await TestChannel.open("once");
  channel.start("first");
  await channel.first.make(whole);
  assert.deepEqual(await channel.see(20), frames("first").slice(0, 20));
  channel.first.footage.end(whole);
  assert.deepEqual(await channel.see(40), [...frames("first"), "null slate", "null slate", "null slate"]);
  assert.equal((await channel.next()).format.widthPx, 64);
  assert.deepEqual(channel.held, []);
});

Deno.test("loop: a finished video plays on and on, from the arrival view as a whole", async () => {
  for (const view of ["edge", "arrival"] as const) {
    await using channel = await TestChannel.open("loop", { view });
    channel.start("first");
    await channel.first.make(whole);
    channel.first.footage.end(whole);
    assert.deepEqual(await channel.see(74), [...frames("first"), ...frames("first")]);
  }
});

Deno.test("loop: the end of the work is no jump where the view goes through the whole video anyway", async () => {
  await using channel = await TestChannel.open("loop");
  channel.start("first");
  await channel.first.make(whole);
  await channel.see(10);
  channel.first.footage.end(whole);
  assert.deepEqual(await channel.see(28), [...frames("first").slice(10), "first 0"]);
});

Deno.test("hold: a finished video stays with its last frame", async () => {
  await using channel = await TestChannel.open("hold");
  channel.start("first");
  await channel.first.make(whole);
  channel.first.footage.end(whole);
  assert.deepEqual(await channel.see(39), [...frames("first"), "first 36", "first 36"]);
});

Deno.test("the video before stays until the next one has a picture, and is let go then", async () => {
  for (const end of ["once", "loop", "hold"] as const) {
    await using channel = await TestChannel.open(end);
    channel.start("first");
    await channel.first.make(whole);
    channel.first.footage.end(whole);
    await channel.see(10);
    channel.start("second");
    assert.deepEqual(await channel.see(2), ["first 10", "first 11"]);
    assert.deepEqual(channel.held, ["first"]);
    channel.second.preview(1);
    const next = await channel.next();
    assert.deepEqual([next.video, next.run.shows, next.format.widthPx], ["second", "preview", 96]);
    assert.deepEqual(channel.held, ["second"]);
  }
});

Deno.test("a video that was made beside the one that is on waits until that one has been seen as a whole", async () => {
  for (const end of ["once", "loop", "hold"] as const) {
    await using channel = await TestChannel.open(end, { view: "arrival" });
    channel.start("first");
    await channel.first.make(whole);
    await channel.see(10);
    await channel.second.make({ start: 0, end: 5 });
    channel.first.footage.end(whole);
    channel.start("second");
    assert.deepEqual(await channel.see(39), [...frames("first"), "second 0", "second 1"]);
    assert.deepEqual(channel.held, ["second"]);
  }
});

Deno.test("a video that was made beside one that is deleted does not wait for it", async () => {
  await using channel = await TestChannel.open("hold");
  channel.start("first");
  await channel.first.make(whole);
  await channel.see(1);
  channel.first.footage.end(whole);
  await channel.second.make(whole);
  channel.start("second");
  assert.deepEqual(await channel.see(2), ["first 0", "first 1"]);
  channel.first.footage.end(null);
  assert.deepEqual(await channel.see(1), ["second 0"]);
});

Deno.test("a video that ends without a frame, or is gone, leaves the slate", async () => {
  await using channel = await TestChannel.open("loop");
  channel.start("first");
  channel.first.preview(1);
  assert.deepEqual(await channel.see(1), ["first preview"]);
  channel.first.footage.end(null);
  assert.deepEqual(await channel.see(1), ["null slate"]);
  channel.start("second");
  await channel.second.make(whole);
  assert.deepEqual(await channel.see(1), ["second 0"]);
  channel.current = null;
  assert.deepEqual(await channel.see(1), ["null slate"]);
  assert.deepEqual(channel.held, []);
});

Deno.test("a video that cannot be read is passed over until it can", async () => {
  await using channel = await TestChannel.open("loop");
  channel.start("first");
  await channel.first.make(whole);
  await channel.see(1);
  channel.start("second");
  await channel.second.make(whole);
  const read = channel.second.store.read.bind(channel.second.store);
  channel.second.store.read = () => Promise.reject(new StoreError("Cannot read: a test says so"));
  assert.deepEqual(await channel.see(2), ["first 1", "first 2"]);
  channel.second.store.read = read;
  assert.deepEqual(await channel.see(1), ["second 0"]);
  assert.deepEqual(channel.held, ["second"]);
});

Deno.test("a channel lets go of its video when it is disposed", async () => {
  const channel = await TestChannel.open("loop");
  channel.start("first");
  await channel.first.make(whole);
  await channel.see(1);
  assert.deepEqual(channel.held, ["first"]);
  await channel[Symbol.asyncDispose]();
  assert.deepEqual(channel.held, []);
});
