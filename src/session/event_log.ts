/**
 * What happened to a session, in order, with ids that are the same for every reader. Readers come at any time, read from
 * any place and go at their own speed; nobody misses an entry.
 * @module
 */
import type { SessionEvent } from "./view.ts";

/** An event before it has its number. */
export type NewSessionEvent = SessionEvent extends infer Entry ? Entry extends SessionEvent ? Omit<Entry, "id"> : never
  : never;

/** Append-only. Ends when the session has ended: the last entry is its end state. */
export class EventLog {
  readonly #entries: SessionEvent[];
  #ended = false;
  #wake = Promise.withResolvers<void>();

  /** @param earlier what a store kept, from the first on */
  constructor(earlier: readonly SessionEvent[] = []) {
    this.#entries = [...earlier];
  }

  get lastId(): number {
    return this.#entries.at(-1)?.id ?? 0;
  }

  /** Id of the entry before the newest of a kind: who reads on after that gets the newest first. 0 when there is none. */
  lastIdBefore(kind: SessionEvent["event"]): number {
    return (this.#entries.findLast(({ event }) => event === kind)?.id ?? 1) - 1;
  }

  /** @returns the entry with its id, one above the last */
  append(event: NewSessionEvent): SessionEvent {
    if (this.#ended) throw new Error(`Cannot append "${event.event}" to a log that has ended`);
    const entry = { id: this.lastId + 1, ...event } as SessionEvent;
    this.#entries.push(entry);
    this.#notify();
    return entry;
  }

  get hasEnded(): boolean {
    return this.#ended;
  }

  /** No more entries. Readers finish what is there and end. */
  end(): void {
    this.#ended = true;
    this.#notify();
  }

  /**
   * Every entry after `afterId`, those of the past first. Ends with the log, or when `signal` aborts.
   * @param afterId 0 for all
   */
  async *read(afterId: number, signal: AbortSignal): AsyncGenerator<SessionEvent> {
    const aborted = Promise.withResolvers<void>();
    const abort = () => aborted.resolve();
    signal.addEventListener("abort", abort, { once: true });
    try {
      let next = this.#entries.findIndex((entry) => entry.id > afterId);
      if (next < 0) next = this.#entries.length;
      while (!signal.aborted) {
        const entry = this.#entries[next];
        if (entry !== undefined) {
          next++;
          yield entry;
        } else if (this.#ended) return;
        else await Promise.race([this.#wake.promise, aborted.promise]);
      }
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }

  #notify(): void {
    this.#wake.resolve();
    this.#wake = Promise.withResolvers();
  }
}
