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
import type { PictureSource } from "./picture_source.ts";
import type { ViewChoice } from "./playout.ts";
import type { Rendition } from "./rendition.ts";
import { encoderNames, type Quality } from "./video_encoder.ts";
import { answerOffer, type NetworkOptions, prepareCertificate, type Viewer } from "./viewer.ts";

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
  readonly viewers: number;
  /** What is on the screen, for every choice in use; from this call on. */
  playout(): AsyncIterableIterator<PlayoutSegment>;
  /** Why viewers were disconnected; from this call on. */
  failures(): AsyncIterableIterator<Error>;
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
    return this.#guests.size;
  }

  async answer(offerSdp: string, { choice, codec, address }: AnswerOptions) {
    const leave = this.#admission.admit(address);
    try {
      const viewer = await answerOffer(offerSdp, { codecs: this.#codecs(codec), network: this.#options.network });
      viewer.ended.addEventListener("abort", leave, { once: true });
      await this.#welcome(viewer, choice);
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

  playout(): AsyncIterableIterator<PlayoutSegment> {
    return this.#segments.read({ overflow: "drop-oldest", capacity: unreadLimit });
  }

  failures(): AsyncIterableIterator<Error> {
    return this.#failures.read({ overflow: "drop-oldest", capacity: unreadLimit });
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

  async #welcome(viewer: Viewer, choice: ViewChoice): Promise<void> {
    if (this.#state === "closed") {
      await viewer[Symbol.asyncDispose]();
      throw new TypeError("Cannot answer: the live stream is closed");
    }
    const renditionOf = this.#rendition.bind(this);
    const guest = new Guest(viewer, choice, { renditionOf, clock: this.#clock });
    this.#guests.set(viewer.id, guest);
    void guest.done.then(() => this.#guests.delete(viewer.id));
  }

  #rendition(choice: ViewChoice, codec: Codec, quality: Quality): Rendition {
    const key = `${choice.view} ${choice.wait} ${choice.previews}`;
    const present = this.#pictures.get(key);
    if (present?.state === "running") return present.rendition(codec, quality);
    const picture = new LivePicture({
      choice,
      source: this.#options.source(choice),
      ffmpeg: this.#options.ffmpeg,
      clock: this.#clock,
      segments: this.#segments,
      failures: { push: (error) => this.#fail(error) },
    });
    this.#pictures.set(key, picture);
    picture.done.catch((error) => this.#fail(error)).finally(() => {
      if (this.#pictures.get(key) === picture) this.#pictures.delete(key);
    });
    return picture.rendition(codec, quality);
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
