/**
 * The live picture of one session, for any number of viewers: a picture per view that somebody watches, none for nobody.
 * @module
 */
import type { Ffmpeg } from "../ffmpeg.ts";
import type { FrameBatch, RgbImage, VideoPlan } from "../video.ts";
import type { Codec } from "./access_unit.ts";
import { type Clock, systemClock } from "./clock.ts";
import { EncoderError } from "./errors.ts";
import { FrameBus } from "./frame_bus.ts";
import type { FrameStore } from "./frame_store.ts";
import type { LiveChannel } from "./live_channel.ts";
import { LivePicture, type PlayoutSegment } from "./live_picture.ts";
import type { View } from "./playout.ts";
import { createSilenceWatch } from "./silence.ts";
import { encoderNames } from "./video_encoder.ts";
import { answerOffer, type NetworkOptions, prepareCertificate, type Viewer } from "./viewer.ts";

export interface LiveStreamOptions {
  readonly plan: VideoPlan;
  /** Shown until frames exist; of the video's size. */
  readonly placeholder: RgbImage;
  /** Tells which frames have become readable in `store`. Push a batch here after its `store.write` has resolved. */
  readonly frames: AsyncIterable<FrameBatch>;
  /** Where the pictures are read from, as long as this stream lives. */
  readonly store: FrameStore;
  readonly ffmpeg: Ffmpeg;
  readonly network: NetworkOptions;
  readonly clock?: Clock;
}

/** Lives longer than its session's generation: it shows the last frame or loops until disposed. */
export interface LiveStream extends AsyncDisposable {
  /** One viewer more. Without a codec VP8 is taken where the offer has it. @throws `OfferError`, `EncoderError` */
  answer(
    offerSdp: string,
    options: { readonly view: View; readonly codec?: Codec },
  ): Promise<{ readonly viewerId: string; readonly answerSdp: string }>;
  /** False when there is no such viewer (any more). */
  removeViewer(viewerId: string): boolean;
  readonly viewers: number;
  /** Which frame is on screen; from this call on. */
  playout(): AsyncIterableIterator<PlayoutSegment>;
  /** Why a picture ended although it had viewers (they were disconnected); from this call on. */
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
  readonly #pictures = new Map<View, LivePicture>();
  readonly #viewers = new Map<string, Viewer>();
  readonly #segments = new FrameBus<PlayoutSegment>();
  readonly #failures = new FrameBus<Error>();
  readonly #frames: AsyncIterator<FrameBatch>;
  #state: "open" | "closed" = "open";

  constructor(options: LiveStreamOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#frames = options.frames[Symbol.asyncIterator]();
    this.#followFrames().catch((error) => this.#failures.push(error));
    void prepareCertificate();
  }

  get viewers(): number {
    return this.#viewers.size;
  }

  async answer(offerSdp: string, { view, codec }: { readonly view: View; readonly codec?: Codec }) {
    const viewer = await answerOffer(offerSdp, { codecs: this.#codecs(codec), network: this.#options.network });
    try {
      if (this.#state === "closed") throw new TypeError("Cannot answer: the live stream is closed");
      const channel = this.#channel(view, viewer.codec);
      channel.expect(viewer);
      this.#viewers.set(viewer.id, viewer);
      void this.#serve(viewer, channel);
      void this.#giveUpWhenSilent(viewer);
      return { viewerId: viewer.id, answerSdp: viewer.answerSdp };
    } catch (error) {
      await viewer[Symbol.asyncDispose]();
      throw error;
    }
  }

  removeViewer(viewerId: string): boolean {
    const viewer = this.#viewers.get(viewerId);
    this.#viewers.delete(viewerId);
    void viewer?.[Symbol.asyncDispose]();
    return viewer !== undefined;
  }

  playout(): AsyncIterableIterator<PlayoutSegment> {
    return this.#segments.read({ overflow: "drop-oldest", capacity: unreadLimit });
  }

  failures(): AsyncIterableIterator<Error> {
    return this.#failures.read({ overflow: "drop-oldest", capacity: unreadLimit });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#state = "closed";
    void this.#frames.return?.();
    await Promise.all([...this.#viewers.values()].map((viewer) => viewer[Symbol.asyncDispose]()));
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

  #channel(view: View, codec: Codec): LiveChannel {
    const present = this.#pictures.get(view);
    if (present?.state === "running") return present.channel(codec);
    const segments = this.#segments;
    const picture = new LivePicture({ ...this.#options, view, clock: this.#clock, segments }, codec);
    this.#pictures.set(view, picture);
    const forget = () => this.#pictures.get(view) === picture && this.#pictures.delete(view);
    picture.done.then(forget, (error) => {
      forget();
      if (this.#state === "open") void this.#failures.push(error);
    });
    return picture.channel(codec);
  }

  async #followFrames(): Promise<void> {
    const { widthPx, heightPx } = this.#options.plan.format;
    while (true) {
      const { done, value } = await this.#frames.next();
      if (done || this.#state === "closed") return;
      const frames = value.pixels.length / (widthPx * heightPx * 3);
      const range = { start: value.firstFrameIndex, end: value.firstFrameIndex + frames };
      for (const picture of this.#pictures.values()) picture.arrived(range);
    }
  }

  async #serve(viewer: Viewer, channel: LiveChannel): Promise<void> {
    for await (const event of viewer.events) {
      if (event === "connected") channel.connect(viewer);
      else channel.requestKeyFrame();
    }
    channel.leave(viewer);
    this.#viewers.delete(viewer.id);
  }

  async #giveUpWhenSilent(viewer: Viewer): Promise<void> {
    const isGone = createSilenceWatch();
    while (this.#viewers.has(viewer.id) && !isGone(viewer.packetsReceived)) {
      await this.#clock.waitUntil(this.#clock.nowMs() + 1000, viewer.ended).catch(() => {}); // it left by itself
    }
    await viewer[Symbol.asyncDispose]();
  }
}
