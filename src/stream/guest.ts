/**
 * One viewer of a live stream, from its offer to its end: what it watches and in which quality, what it is told, and when
 * it counts as gone.
 * @module
 */
import type { Clock } from "./clock.ts";
import type { FrameBus } from "./frame_bus.ts";
import { createLineQuality, type Quality } from "./line_quality.ts";
import type { LivePicture, PlayoutSegment } from "./live_picture.ts";
import { keyOf, type ViewChoice } from "./playout.ts";
import type { Rendition } from "./rendition.ts";
import { Seat } from "./seat.ts";
import { createSilenceWatch } from "./silence.ts";
import type { Viewer } from "./viewer.ts";
import { type NewsEvent, ViewerNews } from "./viewer_news.ts";

export interface GuestOptions {
  readonly viewer: Viewer;
  readonly choice: ViewChoice;
  /** The live picture of a choice, started when it does not run yet. */
  readonly pictureOf: (choice: ViewChoice) => LivePicture;
  /** What all live pictures show. */
  readonly segments: FrameBus<PlayoutSegment>;
  /** What else the viewer is told if it wants to hear. Ends at the signal. */
  readonly events?: ((signal: AbortSignal) => AsyncIterable<NewsEvent>) | undefined;
  readonly clock: Clock;
}

export class Guest {
  readonly viewer: Viewer;
  /** Resolves when it has gone, whoever ended it. */
  readonly done: Promise<void>;
  readonly #options: GuestOptions;
  readonly #seat: Seat;
  readonly #news: ViewerNews;
  #choice: ViewChoice;
  #quality: Quality = "high";
  /** What it sees; another one than it chose until that has a key frame. */
  #picture: LivePicture;

  constructor(options: GuestOptions) {
    const { viewer, choice, pictureOf, clock } = options;
    this.viewer = viewer;
    this.#options = options;
    this.#choice = choice;
    this.#news = new ViewerNews(viewer);
    this.#picture = pictureOf(choice);
    this.#seat = new Seat(viewer, this.#picture.rendition(viewer.codec, this.#quality));
    void this.#lookAfter(clock);
    this.done = this.#serve();
  }

  /** What it has chosen. */
  get choice(): ViewChoice {
    return this.#choice;
  }

  get rendition(): Rendition {
    return this.#seat.rendition;
  }

  choose(choice: ViewChoice): void {
    this.#choice = choice;
    this.#move();
  }

  #move(): void {
    const picture = this.#options.pictureOf(this.#choice);
    this.#seat.move(picture.rendition(this.viewer.codec, this.#quality), () => {
      if (picture === this.#picture) return;
      this.#picture = picture;
      this.#tellShown();
    });
  }

  async #serve(): Promise<void> {
    for await (const event of this.viewer.events) {
      if (event === "connected") this.#seat.connect();
      else if (event === "pictureLost") this.#seat.requestKeyFrame();
      else this.#inform();
    }
    this.#seat.leave();
  }

  #inform(): void {
    const { events, segments } = this.#options;
    const { ended } = this.viewer;
    const shown = segments.read({ overflow: "drop-oldest", capacity: 64 });
    ended.addEventListener("abort", () => void shown.return!(), { once: true });
    void this.#followShown(shown);
    this.#tellShown();
    if (events) this.#news.follow(events(ended)).catch(() => {}); // ends with the connection
  }

  async #followShown(segments: AsyncIterable<PlayoutSegment>): Promise<void> {
    for await (const segment of segments) {
      if (keyOf(segment) === keyOf(this.#picture.choice)) this.#news.showing(segment);
    }
  }

  #tellShown(): void {
    if (this.#picture.segment) this.#news.showing(this.#picture.segment);
  }

  /** Once a second. */
  async #lookAfter(clock: Clock): Promise<void> {
    const isGone = createSilenceWatch();
    const judge = this.#createJudge();
    while (!this.viewer.ended.aborted && !isGone(this.viewer.packetsReceived)) {
      judge(clock.nowMs());
      await clock.waitUntil(clock.nowMs() + 1000, this.viewer.ended).catch(() => {}); // it left by itself
    }
    await this.viewer[Symbol.asyncDispose]();
  }

  /**
   * Moves the viewer to the quality that its line can carry, as its reports come. What it asks for again counts as lost:
   * once it has got that, its reports do not tell of it.
   */
  #createJudge(): (timeMs: number) => void {
    const qualityFor = createLineQuality();
    let before = { timeMs: 0, bytes: 0, packets: 0, repeats: 0, reports: 0 };
    let lost = 0;
    return (timeMs) => {
      const { line } = this.viewer;
      if (line.reports === before.reports || line.packets === before.packets) return;
      const asked = (line.repeats - before.repeats) / (line.packets - before.packets);
      lost += lossWeight * (Math.max(line.fractionLost, asked) - lost);
      const sentBitrate = (line.bytes - before.bytes) * 8000 / (timeMs - before.timeMs);
      before = { ...line, timeMs };
      const { estimatedBitrate } = line;
      const quality = qualityFor({ timeMs, fractionLost: lost, estimatedBitrate, sentBitrate });
      if (quality === this.#quality) return;
      this.#quality = quality;
      this.#move();
    };
  }
}

/** Of the newest second in the mean of all: at 30 packets a second, 3 lost of them are chance. */
const lossWeight = 0.3;
