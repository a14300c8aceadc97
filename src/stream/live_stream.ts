/**
 * Everything that viewers of one address get: a live picture per choice that somebody watches, none for nobody.
 * @module
 */
import type { Ffmpeg } from "../ffmpeg.ts";
import type { Codec } from "./access_unit.ts";
import { Admission, type ViewerLimits } from "./admission.ts";
import { type Clock, systemClock } from "./clock.ts";
import { EncoderError } from "./errors.ts";
import { FrameBus } from "./frame_bus.ts";
import { Guest } from "./guest.ts";
import { LivePicture, type PlayoutSegment } from "./live_picture.ts";
import { LiveLedger, type LiveStats } from "./live_stats.ts";
import type { PictureSource } from "./picture_source.ts";
import { keyOf, type ViewChoice } from "./playout.ts";
import { Rendition } from "./rendition.ts";
import { TransportFeed } from "./transport_feed.ts";
import { encoderNames } from "./video_encoder.ts";
import { type NetworkOptions, prepareCertificate } from "./peer.ts";
import { answerOffer, type Viewer } from "./viewer.ts";
import type { NewsEvent } from "./viewer_news.ts";

export interface LiveStreamOptions {
  /** Asked for each choice when its first viewer comes; disposed when its last one has gone. */
  readonly source: (choice: ViewChoice) => PictureSource;
  readonly ffmpeg: Ffmpeg;
  readonly network: NetworkOptions;
  readonly limits: ViewerLimits;
  readonly clock?: Clock;
}

export interface AnswerOptions {
  readonly choice: ViewChoice;
  /** Without one VP8 is taken where the offer has it. */
  readonly codec?: Codec;
  /** Where the viewer is; viewers of one address are limited. */
  readonly address?: string;
  /** What it is told on a data channel `events`, if it opens one, beside what its picture shows. Ends at the signal. */
  readonly events?: (signal: AbortSignal) => AsyncIterable<NewsEvent>;
}

export interface LiveStream extends AsyncDisposable {
  /** One viewer more. @throws `OfferError`, `EncoderError`, `ViewerLimitError` */
  answer(
    offerSdp: string,
    options: AnswerOptions,
  ): Promise<{ readonly viewerId: string; readonly answerSdp: string }>;
  /** Another view on the same connection, at a key frame, without a gap. False when there is no such viewer (any more). */
  choose(viewerId: string, choice: ViewChoice): boolean;
  /** False when there is no such viewer (any more). */
  removeViewer(viewerId: string): boolean;
  /**
   * The picture as MPEG transport stream (H.264), from a fresh key frame on, without an end of its own: it goes on while
   * nothing is generated, when an encoder is replaced, and when the picture changes its size. Who is 2 s behind loses what
   * lies unread and goes on at a key frame; who has not read for 10 s is let go. Nothing is encoded for it once it has been
   * cancelled.
   * @throws `EncoderError`, `ViewerLimitError`
   */
  transportStream(
    choice: ViewChoice,
    options?: { readonly address?: string },
  ): ReadableStream<Uint8Array<ArrayBuffer>>;
  /** All who watch, readers of transport streams included. */
  readonly viewers: number;
  /** What is on the screen, for every choice in use; from this call on. */
  playout(): AsyncIterableIterator<PlayoutSegment>;
  /** Why viewers were disconnected; from this call on. */
  failures(): AsyncIterableIterator<Error>;
  /** In numbers; cheap. */
  stats(): LiveStats;
}

export function createLiveStream(options: LiveStreamOptions): LiveStream {
  return new WhepLiveStream(options);
}

/** Best first: every client that was tried takes VP8. */
const codecsByPreference: readonly Codec[] = ["vp8", "h264"];
/** Segments and failures that a reader may leave unread. */
const unreadLimit = 1024;

class WhepLiveStream implements LiveStream {
  readonly #options: LiveStreamOptions;
  readonly #clock: Clock;
  readonly #admission: Admission;
  readonly #pictures = new Map<string, LivePicture>();
  readonly #guests = new Map<string, Guest>();
  /** By rendition, from their first reader to the rendition's end. */
  readonly #feeds = new Map<Rendition, TransportFeed>();
  readonly #ledger = new LiveLedger();
  readonly #segments = new FrameBus<PlayoutSegment>();
  readonly #failures = new FrameBus<Error>();
  #state: "open" | "closed" = "open";

  constructor(options: LiveStreamOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#admission = new Admission(options.limits);
    void prepareCertificate();
  }

  get viewers(): number {
    return this.#guests.size + [...this.#feeds.values()].reduce((sum, { readers }) => sum + readers, 0);
  }

  async answer(offerSdp: string, { choice, codec, address, events }: AnswerOptions) {
    const leave = this.#admission.admit(address);
    try {
      const viewer = await answerOffer(offerSdp, { codecs: this.#codecs(codec), network: this.#options.network });
      viewer.ended.addEventListener("abort", leave, { once: true });
      await this.#welcome(viewer, choice, events);
      return { viewerId: viewer.id, answerSdp: viewer.answerSdp };
    } catch (error) {
      leave();
      throw error;
    }
  }

  choose(viewerId: string, choice: ViewChoice): boolean {
    const guest = this.#guests.get(viewerId);
    guest?.choose(choice);
    return guest !== undefined;
  }

  removeViewer(viewerId: string): boolean {
    const guest = this.#guests.get(viewerId);
    this.#guests.delete(viewerId);
    void guest?.viewer[Symbol.asyncDispose]();
    return guest !== undefined;
  }

  transportStream(choice: ViewChoice, { address }: { readonly address?: string } = {}) {
    const [codec] = this.#codecs("h264") as ["h264"];
    if (this.#state === "closed") throw new TypeError("Cannot open a transport stream: the live stream is closed");
    const leave = this.#admission.admit(address);
    return this.#feed(this.#picture(choice).rendition(codec, "high")).open(leave);
  }

  playout(): AsyncIterableIterator<PlayoutSegment> {
    return this.#segments.read({ overflow: "drop-oldest", capacity: unreadLimit });
  }

  failures(): AsyncIterableIterator<Error> {
    return this.#failures.read({ overflow: "drop-oldest", capacity: unreadLimit });
  }

  stats(): LiveStats {
    return this.#ledger.stats();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#state = "closed";
    await Promise.all([...this.#guests.values()].map(({ viewer }) => viewer[Symbol.asyncDispose]()));
    await Promise.all([...this.#pictures.values()].map((picture) => picture[Symbol.asyncDispose]()));
    this.#segments.close();
    this.#failures.close();
  }

  /** @throws `EncoderError` when this ffmpeg has none of the encoders */
  #codecs(wanted: Codec | undefined): Codec[] {
    const codecs = wanted ? [wanted] : codecsByPreference;
    const { encoders, path } = this.#options.ffmpeg;
    const possible = codecs.filter((codec) => encoders.has(encoderNames[codec]));
    if (possible.length > 0) return possible;
    const missing = codecs.map((codec) => encoderNames[codec]).join(" and ");
    throw new EncoderError(`Cannot encode: "${path}" was built without ${missing}`);
  }

  async #welcome(viewer: Viewer, choice: ViewChoice, events: AnswerOptions["events"]): Promise<void> {
    if (this.#state === "closed") {
      await viewer[Symbol.asyncDispose]();
      throw new TypeError("Cannot answer: the live stream is closed");
    }
    const pictureOf = (choice: ViewChoice) => this.#picture(choice);
    const guest = new Guest({ viewer, choice, pictureOf, events, segments: this.#segments, clock: this.#clock });
    this.#guests.set(viewer.id, guest);
    this.#ledger.enterViewer(guest);
    void guest.done.then(() => this.#guests.delete(viewer.id));
  }

  #feed(rendition: Rendition): TransportFeed {
    const present = this.#feeds.get(rendition);
    if (present) return present;
    const feed = new TransportFeed(rendition);
    this.#feeds.set(rendition, feed);
    void rendition.done.catch(() => {}).finally(() => this.#feeds.delete(rendition)); // told by the picture
    return feed;
  }

  #picture(choice: ViewChoice): LivePicture {
    const key = keyOf(choice);
    const present = this.#pictures.get(key);
    if (present?.state === "running") return present;
    const picture = new LivePicture({
      choice,
      source: this.#options.source(choice),
      createRendition: (codec, quality) => {
        const rendition = new Rendition({ codec, quality, ffmpeg: this.#options.ffmpeg });
        this.#ledger.enterRendition(choice, rendition);
        return rendition;
      },
      clock: this.#clock,
      segments: this.#segments,
      failures: { push: (error) => this.#fail(error) },
    });
    this.#pictures.set(key, picture);
    picture.done.catch((error) => this.#fail(error)).finally(() => {
      if (this.#pictures.get(key) === picture) this.#pictures.delete(key);
    });
    return picture;
  }

  /** Without a picture a connection is worth nothing: who comes again gets another try. */
  async #fail(error: Error): Promise<void> {
    if (this.#state === "closed") return;
    for (const { viewer, rendition } of this.#guests.values()) {
      if (rendition.state === "closed") void viewer[Symbol.asyncDispose]();
    }
    await this.#failures.push(error);
  }
}
