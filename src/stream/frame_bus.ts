/**
 * One producer, many readers, each with its own bounded queue and its own rule for when that queue is full.
 * @module
 */
import type { FrameBatch } from "../video.ts";

/** `wait`: the producer waits for this reader. `drop-oldest`: this reader loses what it was too slow for. */
export type Overflow = "wait" | "drop-oldest";

export interface ReaderOptions {
  readonly overflow: Overflow;
  /** Items that may lie unread. At least 1; 4 when left out. */
  readonly capacity?: number;
}

/** Hands every item to every reader that exists at that moment, in order. */
export class FrameBus<Item = FrameBatch> {
  readonly #readers = new Set<Reader<Item>>();
  #state: "open" | "closed" = "open";

  /** Resolves when each `wait` reader has room again: awaiting it is the backpressure. */
  async push(item: Item): Promise<void> {
    if (this.#state === "closed") throw new TypeError("Cannot push to a bus that is closed");
    await Promise.all([...this.#readers].map((reader) => reader.offer(item)));
  }

  /** The reader gets every item pushed from this call on, not from its first `next()`. Leaving its loop unregisters it. */
  read(options: ReaderOptions): AsyncIterableIterator<Item> {
    const reader = new Reader<Item>(options, () => this.#readers.delete(reader));
    if (this.#state === "closed") reader.end();
    else this.#readers.add(reader);
    return reader;
  }

  /** Readers still get what lies in their queues, then end. */
  close(): void {
    this.#state = "closed";
    for (const reader of this.#readers) reader.end();
    this.#readers.clear();
  }
}

class Reader<Item> implements AsyncIterableIterator<Item> {
  readonly #queue: Item[] = [];
  readonly #capacity: number;
  readonly #overflow: Overflow;
  readonly #leave: () => void;
  #state: "open" | "ended" = "open";
  #arrival = Promise.withResolvers<void>();
  #room = Promise.withResolvers<void>();

  constructor({ overflow, capacity = 4 }: ReaderOptions, leave: () => void) {
    if (!Number.isInteger(capacity) || capacity < 1) {
      throw new RangeError(`Cannot read with capacity ${capacity}: expected a whole number of at least 1`);
    }
    this.#capacity = capacity;
    this.#overflow = overflow;
    this.#leave = leave;
  }

  async offer(item: Item): Promise<void> {
    this.#queue.push(item);
    if (this.#overflow === "drop-oldest" && this.#queue.length > this.#capacity) this.#queue.shift();
    this.#arrival.resolve();
    while (this.#state === "open" && this.#queue.length > this.#capacity) await this.#room.promise;
  }

  end(): void {
    this.#state = "ended";
    this.#arrival.resolve();
    this.#room.resolve();
  }

  async next(): Promise<IteratorResult<Item>> {
    while (this.#queue.length === 0) {
      if (this.#state === "ended") return { done: true, value: undefined };
      this.#arrival = Promise.withResolvers();
      await this.#arrival.promise;
    }
    const value = this.#queue.shift()!;
    this.#room.resolve();
    this.#room = Promise.withResolvers();
    return { done: false, value };
  }

  return(): Promise<IteratorResult<Item>> {
    this.#leave();
    this.#queue.length = 0;
    this.end();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
