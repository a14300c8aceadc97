/**
 * One view in one codec: encoder → packets → viewers.
 * @module
 */
import type { Ffmpeg } from "../ffmpeg.ts";
import type { VideoFormat } from "../video.ts";
import type { Codec } from "./access_unit.ts";
import { startVideoEncoder, type VideoEncoder } from "./video_encoder.ts";
import { createPacketizer, type Packet, type Viewer } from "./viewer.ts";

/** A viewer that lost a picture asks every 200 ms until it gets one, all viewers of a bad line at once. */
const keyFramePauseMs = 300;

/** Runs its encoder from its creation until disposed. */
export class LiveChannel implements AsyncDisposable {
  readonly codec: Codec;
  /** Rejects with an `EncoderError` when no encoder will run; resolves when disposed. */
  readonly done: Promise<void>;
  readonly #encoder: VideoEncoder;
  readonly #packetizer;
  /** All that were let in; those whose connection is up get packets. */
  readonly #viewers = new Map<Viewer, "connecting" | "connected">();
  /** Everything since the last key frame: what a late viewer needs to see the picture at once. */
  #recent: Packet[] = [];
  #keyFrameTimestamp = 0;
  #keyFrame: "none" | "wanted" = "none";

  /** @throws `EncoderError` */
  constructor(options: { readonly codec: Codec; readonly format: VideoFormat; readonly ffmpeg: Ffmpeg }) {
    this.codec = options.codec;
    this.#packetizer = createPacketizer(options.codec);
    this.#encoder = startVideoEncoder(options);
    this.done = this.#pump();
  }

  get viewers(): number {
    return this.#viewers.size;
  }

  /** One picture. Resolves when the encoder has taken it. @throws `EncoderError` */
  async write(pixels: Uint8Array, rtpTimestamp: number): Promise<void> {
    if (this.#keyFrame === "wanted" && (rtpTimestamp - this.#keyFrameTimestamp) >>> 0 > keyFramePauseMs * 90) {
      this.#keyFrame = "none";
      this.#encoder.requestKeyFrame();
    }
    await this.#encoder.write(pixels, rtpTimestamp);
  }

  /** Keeps the encoder running for somebody who is still connecting. */
  expect(viewer: Viewer): void {
    this.#viewers.set(viewer, "connecting");
  }

  /** Sends what has happened since the last key frame, and from then on every packet, without gap or repetition. */
  connect(viewer: Viewer): void {
    this.#viewers.set(viewer, "connected");
    viewer.send(this.#recent);
  }

  leave(viewer: Viewer): void {
    this.#viewers.delete(viewer);
  }

  requestKeyFrame(): void {
    this.#keyFrame = "wanted";
  }

  async #pump(): Promise<void> {
    for await (const { rtpTimestamp, unit } of this.#encoder.pictures) {
      const packets = this.#packetizer.packetize(unit, rtpTimestamp);
      if (unit.isKeyFrame) {
        this.#recent = [];
        this.#keyFrameTimestamp = rtpTimestamp;
      }
      this.#recent.push(...packets);
      for (const [viewer, state] of this.#viewers) if (state === "connected") viewer.send(packets);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#encoder[Symbol.asyncDispose]();
    await Promise.all([...this.#viewers.keys()].map((viewer) => viewer[Symbol.asyncDispose]()));
  }
}
