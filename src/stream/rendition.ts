/**
 * One live picture in one codec and quality: raw pictures → encoder → packets → everybody who watches it.
 * @module
 */
import type { Ffmpeg } from "../ffmpeg.ts";
import type { VideoFormat } from "../video.ts";
import type { AccessUnit, Codec } from "./access_unit.ts";
import { rtpMsBetween } from "./grid.ts";
import { type Packet, packetize } from "./packetizer.ts";
import type { Quality } from "./line_quality.ts";
import { createVideoEncoder, type RawPicture, type VideoEncoder } from "./video_encoder.ts";

/** One encoded picture as it goes to everybody. */
export interface RenditionPicture {
  /** 90 kHz, below 2³². */
  readonly rtpTimestamp: number;
  readonly unit: AccessUnit;
  readonly packets: readonly Packet[];
}

/** Takes pictures, without waiting; the first one is a key frame. A reader leaves by itself. */
export type RenditionReader = (pictures: readonly RenditionPicture[]) => void;

/** Counted from the rendition's start. */
export interface RenditionCounts {
  readonly picturesEncoded: number;
  /** Raw pictures that the encoder was too slow for. */
  readonly picturesDropped: number;
  readonly keyFrames: number;
  readonly bytes: number;
  readonly encoderRestarts: number;
}

export interface RenditionOptions {
  readonly codec: Codec;
  readonly quality: Quality;
  readonly ffmpeg: Ffmpeg;
}

/**
 * Raw pictures that may wait for the encoder; beyond, the oldest is dropped. An encoder takes 3 ms for one, so a stall of a
 * quarter of a second is made up for at once, and one that is too slow for good holds nothing back for longer.
 */
const queueLimit = 8;
/** The same while a process starts, which takes up to 200 ms: nobody shall miss the first frames. */
const startingQueueLimit = 15;
/** A viewer that lost a picture asks every 200 ms until it gets one, all viewers of a bad line at once. */
const keyFramePauseMs = 300;
/** A picture takes 3 ms; on a computer with everything else to do, some hundred. */
const hungAfterTicks = 75;

/** Runs its encoder from the first picture until disposed. */
export class Rendition implements AsyncDisposable {
  readonly codec: Codec;
  readonly quality: Quality;
  /** Rejects with an `EncoderError` when no encoder will run; resolves when disposed. */
  readonly done: Promise<void>;
  readonly #encoder: VideoEncoder;
  readonly #queue: RawPicture[] = [];
  #arrival = Promise.withResolvers<void>();
  #state: "open" | "closed" = "open";
  /** `expected`: keeps the encoder running. `waiting`: gets everything from the next key frame on. */
  readonly #readers = new Map<RenditionReader, "expected" | "waiting" | "reading">();
  /** Everything since the last key frame: what somebody who comes late needs to see the picture at once. */
  #recent: RenditionPicture[] = [];
  #keyFrame: "none" | "wanted" = "none";
  #format: VideoFormat | undefined;
  /** Ticks in a row at which the encoder owed a picture. */
  #silentTicks = 0;
  readonly #counts = { picturesEncoded: 0, picturesDropped: 0, keyFrames: 0, bytes: 0 };

  constructor(options: RenditionOptions) {
    this.codec = options.codec;
    this.quality = options.quality;
    this.#encoder = createVideoEncoder(options);
    this.done = Promise.all([this.#feed(), this.#deliver()]).then(() => {});
  }

  get state(): "open" | "closed" {
    return this.#state;
  }

  get readers(): number {
    return this.#readers.size;
  }

  get counts(): RenditionCounts {
    return { ...this.#counts, encoderRestarts: this.#encoder.restarts };
  }

  /** Of the newest picture, before the encoder makes it smaller; undefined before the first one. */
  get format(): VideoFormat | undefined {
    return this.#format;
  }

  /** Somebody cannot go on, or begin, before the next key frame. */
  get isWanted(): boolean {
    return this.#keyFrame === "wanted" || this.#recent.length === 0;
  }

  /** To be called at each tick: an encoder that owes a picture for too many of them is replaced. */
  tick(): void {
    this.#silentTicks = this.#encoder.unanswered > 0 ? this.#silentTicks + 1 : 0;
    if (this.#silentTicks < hungAfterTicks) return;
    this.#silentTicks = 0;
    this.#encoder.replace();
  }

  /** One picture; never waits. */
  show(picture: RawPicture): void {
    this.#queue.push(picture);
    const limit = this.#encoder.state === "starting" ? startingQueueLimit : queueLimit;
    while (this.#queue.length > limit) {
      this.#queue.shift();
      this.#counts.picturesDropped++;
    }
    this.#arrival.resolve();
  }

  /** Keeps the encoder running for somebody who is still connecting. */
  expect(reader: RenditionReader): void {
    this.#readers.set(reader, "expected");
  }

  /** Gives what has happened since the last key frame, and from then on every picture, without gap or repetition. */
  join(reader: RenditionReader): void {
    if (this.#recent.length === 0) return this.joinAtKeyFrame(reader);
    this.#readers.set(reader, "reading");
    reader(this.#recent);
  }

  /** Gives every picture from the next key frame on, and asks for that. */
  joinAtKeyFrame(reader: RenditionReader): void {
    this.#readers.set(reader, "waiting");
    this.requestKeyFrame();
  }

  leave(reader: RenditionReader): void {
    this.#readers.delete(reader);
  }

  requestKeyFrame(): void {
    this.#keyFrame = "wanted";
  }

  async #feed(): Promise<void> {
    while (true) {
      const picture = this.#queue.shift();
      if (this.#state === "closed") return;
      if (!picture) {
        this.#arrival = Promise.withResolvers();
        await this.#arrival.promise;
        continue;
      }
      if (this.#keyFrame === "wanted" && this.#isKeyFrameDue(picture.rtpTimestamp)) {
        this.#keyFrame = "none";
        this.#encoder.requestKeyFrame();
      }
      this.#format = picture.format;
      await this.#encoder.write(picture);
    }
  }

  #isKeyFrameDue(rtpTimestamp: number): boolean {
    const last = this.#recent[0];
    return !last || rtpMsBetween(last.rtpTimestamp, rtpTimestamp) > keyFramePauseMs;
  }

  async #deliver(): Promise<void> {
    for await (const { rtpTimestamp, unit } of this.#encoder.pictures) {
      this.#silentTicks = 0;
      const picture = { rtpTimestamp, unit, packets: packetize(this.codec, unit, rtpTimestamp) };
      if (unit.isKeyFrame) this.#recent = [];
      this.#recent.push(picture);
      this.#count(picture);
      for (const [reader, state] of this.#readers) {
        if (state === "waiting" && unit.isKeyFrame) this.#readers.set(reader, "reading");
        else if (state !== "reading") continue;
        reader([picture]);
      }
    }
  }

  #count({ unit }: RenditionPicture): void {
    this.#counts.picturesEncoded++;
    this.#counts.bytes += unit.data.length;
    if (unit.isKeyFrame) this.#counts.keyFrames++;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#state = "closed";
    this.#arrival.resolve();
    await this.#encoder[Symbol.asyncDispose]();
  }
}
