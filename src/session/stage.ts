/**
 * What can be watched: sessions by their id, channels by their name. Both are watched in the same way.
 * @module
 */
import type { ChannelEnd, LiveStream, View, ViewChoice } from "../stream/mod.ts";
import type { ChannelEvent, SessionEvent } from "./view.ts";

/** A live picture with its address. */
export interface Watchable {
  readonly live: LiveStream;
  readonly links: { readonly whep: string; readonly liveTs: string };
  /** For viewers who choose none. */
  readonly defaultView: View;
  /** What viewers are told beside the picture: what is the case, then what changes. */
  events(signal: AbortSignal): AsyncIterable<SessionEvent | ChannelEvent>;
}

export interface Stage {
  /**
   * Opens a live picture, and keeps it open while it is used; after that it stays open as long as it has viewers.
   * @param end what a channel shows after a video; the same to a session
   * @throws `Refusal` when there is nothing to watch, and what `use` throws
   */
  watch<Result>(name: string, end: ChannelEnd, use: (watchable: Watchable) => Promise<Result>): Promise<Result>;
  /** Another view for a viewer. False when there is no such viewer (any more). */
  choose(name: string, viewerId: string, choice: ViewChoice): boolean;
  /** False when there is no such viewer (any more). */
  removeViewer(name: string, viewerId: string): boolean;
}
