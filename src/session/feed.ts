/**
 * What happens to all sessions, for pages that list them or go from one to the next.
 * @module
 */
import { FrameBus } from "../stream/mod.ts";
import type { FeedEvent, SessionView } from "./view.ts";

/** A reader far behind loses the oldest entries; each entry holds the whole truth about its session. */
const capacity = 256;

export class Feed {
  readonly #bus = new FrameBus<FeedEvent>();
  #state: "open" | "closed" = "open";

  tell(event: FeedEvent): void {
    if (this.#state === "open") void this.#bus.push(event);
  }

  /**
   * From this call on, until `signal` aborts or the feed closes. `latest` comes first, and after what changed it.
   * @param latest which session that is at the moment
   */
  async *follow(latest: () => SessionView | null, signal: AbortSignal): AsyncGenerator<FeedEvent> {
    const news = this.read(signal);
    let known = latest();
    yield { event: "latest", data: known && briefOf(known) };
    for await (const event of news) {
      yield event;
      const before = known?.id;
      known = latest();
      if (known?.id !== before) yield { event: "latest", data: known && briefOf(known) };
    }
  }

  /** Every event from this call on, until `signal` aborts or the feed closes. */
  read(signal: AbortSignal): AsyncIterable<FeedEvent> {
    const reader = this.#bus.read({ overflow: "drop-oldest", capacity });
    if (signal.aborted) void reader.return?.();
    else signal.addEventListener("abort", () => void reader.return?.(), { once: true });
    return reader;
  }

  close(): void {
    this.#state = "closed";
    this.#bus.close();
  }
}

/** What the feed tells of a session. */
export function briefOf({ id, state, links }: SessionView): Extract<FeedEvent, { event: "session" }>["data"] {
  return { id, state, links };
}
