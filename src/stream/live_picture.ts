/**
 * What viewers of one choice see: at each tick of the grid a picture of their source, and a rendition per codec and
 * quality in use. The clock waits for no encoder.
 * @module
 */
import type { Codec } from "./access_unit.ts";
import type { Clock } from "./clock.ts";
import { rtpTimestampOf, tickAt, tickMs, ticksPerSecond } from "./grid.ts";
import type { Quality } from "./line_quality.ts";
import type { PictureSource, TickPicture } from "./picture_source.ts";
import type { Run, ViewChoice } from "./playout.ts";
import type { Rendition } from "./rendition.ts";

/** What is on the screen of everybody of a choice, from `rtpTimestamp` (90 kHz) on, until the next segment. */
export interface PlayoutSegment extends ViewChoice, Omit<Run, "sinceTick"> {
  /** Whose frames they are, by the id of the session; null for a slate that belongs to none. */
  readonly video: string | null;
  readonly rtpTimestamp: number;
}

export interface LivePictureOptions {
  readonly choice: ViewChoice;
  readonly source: PictureSource;
  readonly createRendition: (codec: Codec, quality: Quality) => Rendition;
  readonly clock: Clock;
  /** Where segments are told; must not wait. */
  readonly segments: { push(segment: PlayoutSegment): Promise<void> };
  /** Where is told why a rendition was closed: no encoder will run for it. The others go on. Must not wait. */
  readonly failures: { push(error: Error): Promise<void> };
}

/** Time an encoder runs on without viewers, so that a reload finds it warm. */
const lingerTicks = 5 * ticksPerSecond;
/** Ticks that may be made up for in a burst. Beyond, the picture loses time. */
const maxLateTicks = 3;
/** A picture that has been still for so long is sent only at every fifth tick: 167 ms, below what Chromium counts as a freeze. */
const stillTicks = ticksPerSecond;
const ticksPerStillPicture = 5;

/** Runs while it has renditions, and they stop by themselves some seconds after their last viewer. */
export class LivePicture implements AsyncDisposable {
  /** Resolves when the last rendition has stopped; rejects when the source fails. */
  readonly done: Promise<void>;
  readonly #options: LivePictureOptions;
  readonly #renditions = new Map<Rendition, { idleTicks: number }>();
  readonly #stop = new AbortController();
  #state: "running" | "ended" = "running";
  readonly #closing = new Set<Promise<void>>();
  /** The newest picture, when its pixels first were shown, and when they were sent last. */
  #shown: { readonly picture: TickPicture; readonly sinceTick: number } | undefined;
  #sentTick = 0;

  /** Ends again when nobody has asked for a rendition by the first tick. */
  constructor(options: LivePictureOptions) {
    this.#options = options;
    this.done = this.#run();
  }

  /** Once ended it takes no more viewers: whoever comes then needs a new picture. */
  get state(): "running" | "ended" {
    return this.#state;
  }

  get choice(): ViewChoice {
    return this.#options.choice;
  }

  get renditions(): Iterable<Rendition> {
    return this.#renditions.keys();
  }

  /** What is shown now; undefined before the first tick. */
  get segment(): PlayoutSegment | undefined {
    return this.#shown && this.#segmentOf(this.#shown.picture);
  }

  /** The rendition of a codec and quality, started when it does not run yet. */
  rendition(codec: Codec, quality: Quality): Rendition {
    for (const [present, use] of this.#renditions) {
      if (present.codec !== codec || present.quality !== quality) continue;
      use.idleTicks = 0;
      return present;
    }
    const rendition = this.#options.createRendition(codec, quality);
    this.#renditions.set(rendition, { idleTicks: 0 });
    rendition.done.catch((error) => {
      this.#close(rendition);
      void this.#options.failures.push(error);
    });
    return rendition;
  }

  async #run(): Promise<void> {
    try {
      await this.#tickWhileWatched();
    } finally {
      this.#state = "ended";
      await this.#end();
    }
  }

  async #tickWhileWatched(): Promise<void> {
    const { clock, source } = this.#options;
    let tick = tickAt(clock.nowMs()) + 1;
    await clock.waitUntil(tick * tickMs, this.#stop.signal);
    while (this.#renditions.size > 0 && !this.#stop.signal.aborted) {
      this.#show(await source.next(tick), tick);
      this.#closeIdle();
      const present = tickAt(clock.nowMs());
      tick = present - tick > maxLateTicks ? present : tick + 1;
      await clock.waitUntil(tick * tickMs, this.#stop.signal);
    }
  }

  #show(picture: TickPicture, tick: number): void {
    const before = this.#shown;
    if (before?.picture.pixels !== picture.pixels) this.#shown = { picture, sinceTick: tick };
    else this.#shown = { picture, sinceTick: before.sinceTick };
    if (before?.picture.run !== picture.run || before.picture.video !== picture.video) {
      void this.#options.segments.push(this.#segmentOf(picture));
    }
    const isStill = tick - this.#shown.sinceTick >= stillTicks;
    const isDue = !isStill || tick - this.#sentTick >= ticksPerStillPicture;
    if (isDue) this.#sentTick = tick;
    const { format, pixels } = picture;
    for (const rendition of this.#renditions.keys()) {
      rendition.tick();
      if (isDue || rendition.isWanted) rendition.show({ format, pixels, rtpTimestamp: rtpTimestampOf(tick) });
    }
  }

  #segmentOf({ run: { sinceTick, ...run }, video }: TickPicture): PlayoutSegment {
    return { video, ...this.#options.choice, rtpTimestamp: rtpTimestampOf(sinceTick), ...run };
  }

  #closeIdle(): void {
    for (const [rendition, use] of this.#renditions) {
      use.idleTicks = rendition.readers === 0 ? use.idleTicks + 1 : 0;
      if (use.idleTicks >= lingerTicks) this.#close(rendition);
    }
  }

  #close(rendition: Rendition): void {
    this.#renditions.delete(rendition);
    const closing = rendition[Symbol.asyncDispose]().finally(() => this.#closing.delete(closing));
    this.#closing.add(closing);
  }

  async #end(): Promise<void> {
    this.#stop.abort(new DOMException("The live picture has ended", "AbortError"));
    for (const rendition of this.#renditions.keys()) this.#close(rendition);
    await Promise.all(this.#closing);
    await this.#options.source[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new DOMException("The live picture was closed", "AbortError"));
    await this.done.catch(() => {}); // told by `done`
  }
}
