/**
 * First come, first served.
 * @module
 */

/** A line of items that workers, one or several, take from its front by iterating. */
export class Queue<Item> implements AsyncIterable<Item> {
  readonly #waiting: Item[] = [];
  #closed = false;
  #arrival = Promise.withResolvers<void>();

  /** Front first. */
  get waiting(): readonly Item[] {
    return this.#waiting;
  }

  push(item: Item): void {
    this.#waiting.push(item);
    this.#wake();
  }

  /** It is the next one. */
  pushFront(item: Item): void {
    this.#waiting.unshift(item);
    this.#wake();
  }

  /** @returns false when it is not waiting (any more) */
  remove(item: Item): boolean {
    const at = this.#waiting.indexOf(item);
    if (at < 0) return false;
    this.#waiting.splice(at, 1);
    return true;
  }

  /** Counted from 1; 0 when it is not waiting. */
  placeOf(item: Item): number {
    return this.#waiting.indexOf(item) + 1;
  }

  /** The workers get nothing more. Who waits goes on waiting. */
  close(): void {
    this.#closed = true;
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Item> {
    while (!this.#closed) {
      const item = this.#waiting.shift();
      if (item !== undefined) {
        yield item;
        continue;
      }
      await this.#arrival.promise;
    }
  }

  /** All who have nothing to do look: the first of them takes what has come. */
  #wake(): void {
    this.#arrival.resolve();
    this.#arrival = Promise.withResolvers();
  }
}
