/**
 * The state of the server in numbers.
 * @module
 */
import type { LiveStream } from "../stream/mod.ts";
import type { Channels } from "./channels.ts";
import type { Figures, LiveTotals } from "./figures.ts";
import type { Gallery } from "./gallery.ts";
import type { SessionStore } from "./store.ts";
import type { HealthView, SessionState } from "./view.ts";
import type { Worker } from "./worker.ts";

export interface StatusOptions {
  readonly store: SessionStore;
  readonly worker: Worker;
  readonly gallery: Gallery;
  readonly channels: Channels;
  readonly figures: Figures;
}

export class Status {
  readonly #options: StatusOptions;

  constructor(options: StatusOptions) {
    this.#options = options;
  }

  /** What has been made since the start. */
  get made(): Figures {
    return this.#options.figures;
  }

  /** All sessions that are kept. */
  sessionsByState(): Readonly<Record<SessionState, number>> {
    return this.#options.store.countByState();
  }

  /** What has been watched since the start, and what is now. */
  liveTotals(): LiveTotals {
    return this.#options.figures.liveTotals(this.#streams());
  }

  /** For the health page. */
  health(): Pick<HealthView, "sessions" | "viewers"> & { readonly engineState: HealthView["engine"]["state"] } {
    const { worker } = this.#options;
    return {
      engineState: worker.state,
      sessions: { running: worker.running ? 1 : 0, queued: worker.waiting.length },
      viewers: this.#streams().reduce((sum, { viewers }) => sum + viewers, 0),
    };
  }

  #streams(): readonly LiveStream[] {
    const { gallery, channels } = this.#options;
    return [...gallery.streams, ...channels.streams];
  }
}
