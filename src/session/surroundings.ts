/**
 * What a session works with, and what it may begin with.
 * @module
 */
import type { ResumePoint } from "../engine/mod.ts";
import type { Log } from "../log.ts";
import type { EventLog } from "./event_log.ts";
import type { Figures } from "./figures.ts";
import type { Models } from "./models.ts";
import type { Pictures, StreamTools } from "./pictures.ts";
import type { SessionStore } from "./store.ts";
import type { SessionView } from "./view.ts";

export interface SessionSurroundings {
  readonly store: SessionStore;
  readonly pictures: Pictures;
  readonly tools: StreamTools;
  readonly log: Log;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly models: Models;
  readonly figures: Figures;
  /** Place in the queue, when it waits. */
  readonly queue: () => SessionView["queue"];
}

/** What an earlier server left of a session: its log, and where sections are made, its view and the point it goes on from. */
export interface EarlierSession {
  readonly log?: EventLog;
  readonly made?: { readonly view: SessionView; readonly point: ResumePoint };
}
