/**
 * An H.264 rendition as MPEG transport stream: packed once, handed to any number of readers, each with its own queue.
 * @module
 */
import { rtpMsBetween } from "./grid.ts";
import { createTransportMuxer } from "./mpegts.ts";
import type { Rendition, RenditionPicture } from "./rendition.ts";

/** What lies unread may span so much; then it is dropped, and the reader goes on at the next key frame. */
const behindLimitMs = 2000;
/** Who has not read for so long is gone, whatever its connection says. */
const silenceLimitMs = 10_000;

/** Takes part in its rendition while it has readers. */
export class TransportFeed {
  readonly #rendition: Rendition;
  readonly #muxer = createTransportMuxer();
  readonly #readers = new Set<TransportReader>();

  constructor(rendition: Rendition) {
    this.#rendition = rendition;
    rendition.done.catch(() => {}).finally(() => this.close()); // its failure is told by the live picture
  }

  get readers(): number {
    return this.#readers.size;
  }

  /**
   * Begins with a key frame that is made for it and goes on for ever: in what the picture shows while nothing is generated,
   * and with another size when the picture changes its own. Ends when the rendition does, and when it is not read from.
   * @param onEnd called once, whoever ends it
   */
  open(onEnd: () => void): ReadableStream<Uint8Array<ArrayBuffer>> {
    const reader = new TransportReader(() => this.#rendition.requestKeyFrame(), () => {
      this.#readers.delete(reader);
      if (this.#readers.size === 0) this.#rendition.leave(this.#read);
      onEnd();
    });
    if (this.#readers.size === 0) this.#rendition.joinAtKeyFrame(this.#read);
    this.#readers.add(reader);
    return reader.stream;
  }

  close(): void {
    for (const reader of this.#readers) reader.end();
  }

  #read = (pictures: readonly RenditionPicture[]): void => {
    for (const { unit, rtpTimestamp } of pictures) {
      const packets = this.#muxer.packetsOf(unit, rtpTimestamp);
      for (const reader of this.#readers) reader.push({ packets, rtpTimestamp, isKeyFrame: unit.isKeyFrame });
    }
  };
}

interface Chunk {
  readonly packets: Uint8Array<ArrayBuffer>;
  readonly rtpTimestamp: number;
  readonly isKeyFrame: boolean;
}

class TransportReader {
  readonly stream: ReadableStream<Uint8Array<ArrayBuffer>>;
  readonly #requestKeyFrame: () => void;
  readonly #onEnd: () => void;
  #controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>> | undefined;
  /** `behind`: nothing is kept until it reads again. `waiting`: for a key frame. */
  #state: "waiting" | "running" | "behind" | "ended" = "waiting";
  #queue: Chunk[] = [];
  #arrival: PromiseWithResolvers<void> | undefined;
  /** Newest picture when it was last read from. */
  #readTimestamp: number | undefined;

  constructor(requestKeyFrame: () => void, onEnd: () => void) {
    this.#requestKeyFrame = requestKeyFrame;
    this.#onEnd = onEnd;
    this.stream = new ReadableStream({
      start: (controller) => void (this.#controller = controller),
      pull: () => this.#pull(),
      cancel: () => this.#end(),
    }, { highWaterMark: 0 });
    requestKeyFrame();
  }

  push(chunk: Chunk): void {
    if (this.#arrival) this.#readTimestamp = chunk.rtpTimestamp;
    this.#readTimestamp ??= chunk.rtpTimestamp;
    if (rtpMsBetween(this.#readTimestamp, chunk.rtpTimestamp) > silenceLimitMs) return this.end();
    if (this.#state === "waiting" && chunk.isKeyFrame) this.#state = "running";
    if (this.#state !== "running") return;
    this.#queue.push(chunk);
    this.#arrival?.resolve();
    if (rtpMsBetween(this.#queue[0]!.rtpTimestamp, chunk.rtpTimestamp) <= behindLimitMs) return;
    this.#queue = [];
    this.#state = "behind";
  }

  end(): void {
    if (this.#state !== "ended") this.#controller!.close();
    this.#end();
  }

  #end(): void {
    if (this.#state === "ended") return;
    this.#state = "ended";
    this.#queue = [];
    this.#arrival?.resolve();
    this.#onEnd();
  }

  async #pull(): Promise<void> {
    if (this.#state === "behind") {
      this.#state = "waiting";
      this.#requestKeyFrame();
    }
    while (this.#queue.length === 0 && this.#state !== "ended") {
      this.#arrival = Promise.withResolvers();
      await this.#arrival.promise;
    }
    this.#arrival = undefined;
    const chunk = this.#queue.shift();
    if (!chunk) return; // it has ended
    this.#readTimestamp = chunk.rtpTimestamp;
    this.#controller!.enqueue(chunk.packets);
  }
}
