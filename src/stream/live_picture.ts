/**
 * One view of one video: a clock of frameRate ticks per second, the frame of each tick, and a channel per codec in use.
 * @module
 */
import type { Ffmpeg } from "../ffmpeg.ts";
import type { FrameRange, RgbImage, VideoPlan } from "../video.ts";
import type { Codec } from "./access_unit.ts";
import type { Clock } from "./clock.ts";
import type { FrameStore } from "./frame_store.ts";
import { LiveChannel } from "./live_channel.ts";
import {
  createPlayout,
  defaultWaits,
  type FootageFacts,
  frameOfRun,
  type Playout,
  type Run,
  type View,
} from "./playout.ts";

/** From `rtpTimestamp` (90 kHz) on a new frame each 90000/frameRate: `start`, … `end` − 1, then again from `start` when it loops. */
export interface PlayoutSegment extends Run {
  readonly view: View;
  readonly codec: Codec;
  readonly rtpTimestamp: number;
}

export interface LivePictureOptions {
  readonly view: View;
  readonly plan: VideoPlan;
  readonly placeholder: RgbImage;
  readonly store: FrameStore;
  readonly ffmpeg: Ffmpeg;
  readonly clock: Clock;
  /** Where segments are told; must not wait. */
  readonly segments: { push(segment: PlayoutSegment): Promise<void> };
}

/** Time an encoder runs on without viewers, so that a reload finds it warm. */
const lingerSeconds = 5;
/** Ticks that may be made up for in a burst. Beyond, the picture loses time but no frame. */
const maxLateTicks = 3;

/** Runs while it has channels, and they stop by themselves some seconds after their last viewer. */
export class LivePicture implements AsyncDisposable {
  /** Resolves when the last channel has stopped; rejects with what ended it. */
  readonly done: Promise<void>;
  readonly #options: LivePictureOptions;
  readonly #playout: Playout;
  #decoded: readonly FrameRange[];
  readonly #channels = new Map<Codec, { channel: LiveChannel; idleTicks: number; told?: Run }>();
  readonly #stop = new AbortController();
  #state: "running" | "ended" = "running";
  /** RFC 3550 section 5.1 wants a random start; from the lower half nothing wraps for six hours. */
  readonly #firstTimestamp = crypto.getRandomValues(new Uint32Array(1))[0]! >>> 1;
  #shown: { frameIndex: number; state: string; pixels: Uint8Array } | undefined;

  /** @throws `EncoderError` */
  constructor(options: LivePictureOptions, codec: Codec) {
    this.#options = options;
    this.#decoded = writtenRanges(options.store);
    const choice = { view: options.view, wait: defaultWaits[options.view], previews: "hidden" } as const;
    this.#playout = createPlayout(choice, this.#facts());
    this.channel(codec);
    this.done = this.#run();
  }

  /** Once ended it takes no more channels: whoever comes then needs a new picture. */
  get state(): "running" | "ended" {
    return this.#state;
  }

  arrived(_range: FrameRange): void {
    this.#decoded = writtenRanges(this.#options.store);
  }

  #facts(): FootageFacts {
    const decoded = () => this.#decoded;
    return {
      plan: this.#options.plan,
      preview: null,
      isOver: false,
      get decoded() {
        return decoded();
      },
    };
  }

  /** The channel of a codec, started when it does not run yet. @throws `EncoderError` */
  channel(codec: Codec): LiveChannel {
    const present = this.#channels.get(codec);
    if (present) {
      present.idleTicks = 0;
      return present.channel;
    }
    const { plan: { format }, ffmpeg } = this.#options;
    const channel = new LiveChannel({ codec, format, ffmpeg });
    channel.done.catch((error) => this.#end(error));
    this.#channels.set(codec, { channel, idleTicks: 0 });
    return channel;
  }

  async #run(): Promise<void> {
    try {
      await this.#tickWhileWatched();
    } finally {
      this.#state = "ended";
      await this.#end(new DOMException("The live picture has ended", "AbortError"));
    }
  }

  async #tickWhileWatched(): Promise<void> {
    const { clock, plan: { format } } = this.#options;
    const { signal } = this.#stop;
    const tickMs = 1000 / format.frameRate;
    const startMs = clock.nowMs();
    let tick = 0;
    while (this.#channels.size > 0) {
      await clock.waitUntil(startMs + tick * tickMs, signal);
      await this.#show(tick);
      await this.#stopIdleChannels();
      const present = Math.floor((clock.nowMs() - startMs) / tickMs);
      tick = present - tick > maxLateTicks ? present : tick + 1;
    }
  }

  async #show(tick: number): Promise<void> {
    const { view, plan: { format }, placeholder, segments } = this.#options;
    const run = this.#playout.next(tick);
    const frameIndex = frameOfRun(run, tick - run.sinceTick);
    const pixels = frameIndex === undefined ? placeholder.pixels : await this.#pixelsOf(frameIndex);
    const timestampOf = (tick: number) => (this.#firstTimestamp + tick * (90_000 / format.frameRate)) % 2 ** 32;
    const rtpTimestamp = timestampOf(tick);
    for (const [codec, entry] of this.#channels) {
      if (run.shows !== "frames" || entry.told === run) continue;
      entry.told = run;
      void segments.push({ view, codec, rtpTimestamp: timestampOf(run.sinceTick), ...run });
    }
    await Promise.all([...this.#channels.values()].map(({ channel }) => channel.write(pixels, rtpTimestamp)));
  }

  /** From the store, but once only while a frame is held. */
  async #pixelsOf(frameIndex: number): Promise<Uint8Array> {
    const { store } = this.#options;
    const state = store.stateOf(frameIndex)!;
    if (this.#shown?.frameIndex !== frameIndex || this.#shown.state !== state) {
      const pixels = await store.read({ start: frameIndex, end: frameIndex + 1 });
      this.#shown = { frameIndex, state, pixels };
    }
    return this.#shown.pixels;
  }

  async #stopIdleChannels(): Promise<void> {
    for (const [codec, entry] of this.#channels) {
      entry.idleTicks = entry.channel.viewers === 0 ? entry.idleTicks + 1 : 0;
      if (entry.idleTicks < lingerSeconds * this.#options.plan.format.frameRate) continue;
      this.#channels.delete(codec);
      await entry.channel[Symbol.asyncDispose]();
    }
  }

  /** Closing the channels also frees a tick that waits for an encoder. */
  async #end(reason: Error): Promise<void> {
    this.#stop.abort(reason);
    await Promise.all([...this.#channels.values()].map(({ channel }) => channel[Symbol.asyncDispose]()));
    this.#channels.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#end(new DOMException("The live picture was closed", "AbortError"));
    await this.done.catch(() => {}); // told by `done`
  }
}

function writtenRanges(store: FrameStore): FrameRange[] {
  const ranges: { start: number; end: number }[] = [];
  for (let start = 0; start < store.plan.frames; start++) {
    if (store.stateOf(start) === undefined) continue;
    const last = ranges.at(-1);
    if (last?.end === start) last.end++;
    else ranges.push({ start, end: start + 1 });
  }
  return ranges;
}
