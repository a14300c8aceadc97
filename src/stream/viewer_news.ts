/**
 * What a viewer hears on its data channel `events`: the session's events, and what its own picture shows.
 * @module
 */
import type { PlayoutSegment } from "./live_picture.ts";
import type { Viewer } from "./viewer.ts";

/** One entry of a session's log, with the number it has everywhere, or of a channel's feed, which has no numbers. */
export interface NewsEvent {
  readonly id?: number;
  readonly event: string;
  readonly data: unknown;
}

/** Unsent bytes beyond which what a picture shows is left out: the next message of it is better than an old one. */
const playoutLimitBytes = 1_000_000;
/** Unsent bytes beyond which the channel is closed: nobody reads at the other end. */
const closeLimitBytes = 4_000_000;

/** Messages are JSON: `{ id, event, data }` of the log and, without `id`, `playout` of the viewer's own picture. */
export class ViewerNews {
  readonly #viewer: Pick<Viewer, "tell" | "untoldBytes" | "hush">;
  #state: "open" | "closed" = "open";

  constructor(viewer: Pick<Viewer, "tell" | "untoldBytes" | "hush">) {
    this.#viewer = viewer;
  }

  /** Tells the events as they come; returns at their end, or when nobody reads any more. */
  async follow(events: AsyncIterable<NewsEvent>): Promise<void> {
    for await (const news of events) {
      if (news.event === "playout") this.#tellPlayout(news);
      else this.#tell(news);
      if (this.#state === "closed") return;
    }
  }

  showing(segment: PlayoutSegment): void {
    this.#tellPlayout({ event: "playout", data: segment });
  }

  #tellPlayout(message: object): void {
    if (this.#viewer.untoldBytes <= playoutLimitBytes) this.#tell(message);
  }

  #tell(message: object): void {
    if (this.#state === "closed") return;
    this.#viewer.tell(JSON.stringify(message));
    if (this.#viewer.untoldBytes <= closeLimitBytes) return;
    this.#state = "closed";
    this.#viewer.hush();
  }
}
