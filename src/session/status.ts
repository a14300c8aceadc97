/**
 * The state of the server in numbers.
 * @module
 */
import type { LiveStream } from "../stream/mod.ts";
import type { Channels } from "./channels.ts";
import type { Figures, LiveTotals } from "./figures.ts";
import type { Gallery } from "./gallery.ts";
import type { SessionStore } from "./store.ts";
import type { EngineState, HealthView, SessionState } from "./view.ts";
import type { Workers } from "./workers.ts";

export interface StatusOptions {
  readonly store: SessionStore;
  readonly workers: Workers;
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

  /** Engines by what they do. */
  enginesByState(): Readonly<Record<EngineState, number>> {
    const count = (state: EngineState) =>
      this.#options.workers.engines.filter((engine) => engine.state === state).length;
    return { starting: count("starting"), idle: count("idle"), running: count("running"), lost: count("lost") };
  }

  /** For the health page. */
  health(): Pick<HealthView, "engines" | "sessions" | "viewers"> & { readonly engineState: EngineState } {
    const { workers } = this.#options;
    return {
      engineState: workers.state,
      engines: workers.engines,
      sessions: { running: workers.running.length, queued: workers.waiting.length },
      viewers: this.#streams().reduce((sum, { viewers }) => sum + viewers, 0),
    };
  }

  #streams(): readonly LiveStream[] {
    const { gallery, channels } = this.#options;
    return [...gallery.streams, ...channels.streams];
  }
}
