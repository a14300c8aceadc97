/**
 * What a session tells: entries of its log, which the store keeps.
 * @module
 */
import type { LiveStream } from "../stream/mod.ts";
import type { EventLog, NewSessionEvent } from "./event_log.ts";
import type { GenerationFacts } from "./generation_facts.ts";
import type { Problem } from "./problem.ts";
import type { SessionStore } from "./store.ts";
import type { SessionView } from "./view.ts";

export class SessionNews {
  readonly #id: string;
  readonly #log: EventLog;
  readonly #store: SessionStore;

  constructor(id: string, log: EventLog, store: SessionStore) {
    this.#id = id;
    this.#log = log;
    this.#store = store;
  }

  /** The whole view, which the store keeps as it is. */
  state(view: SessionView): void {
    this.#append({ event: "state", data: view });
    this.#store.save(view);
  }

  progress({ progress }: GenerationFacts, timings: SessionView["timings"]): void {
    this.#append({ event: "progress", data: { progress, timings } });
  }

  frameMap({ frameMap }: GenerationFacts): void {
    this.#append({ event: "frameMap", data: { frameMap: [...frameMap] } });
  }

  problem(data: Problem): void {
    this.#append({ event: "problem", data });
  }

  /** Only until the end: the log has an end, while a finished video may be watched for ever. */
  async followPlayout(live: LiveStream): Promise<void> {
    for await (const data of live.playout()) {
      if (this.#log.hasEnded) return;
      this.#append({ event: "playout", data });
    }
  }

  #append(event: NewSessionEvent): void {
    this.#store.appendEvent(this.#id, this.#log.append(event));
  }
}
