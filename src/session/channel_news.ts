/**
 * What viewers of a channel hear beside its picture: what it shows, and what happens to the session that is being made
 * for it, which it may not show yet.
 * @module
 */
import { FrameBus } from "../stream/mod.ts";
import type { EventLog } from "./event_log.ts";
import type { ChannelEvent, SessionEvent } from "./view.ts";

/**
 * Ends at the signal. Of a session its newest `state` comes first; its events end with it or where the next one's begin.
 * Without `playout`, which tells of pictures that others see.
 * @param changes of what the channel shows
 * @param logs of the sessions that are made for it, one after the other
 */
export async function* channelNews(
  changes: AsyncIterable<ChannelEvent>,
  logs: AsyncIterable<EventLog>,
  signal: AbortSignal,
): AsyncGenerator<ChannelEvent | SessionEvent> {
  const bus = new FrameBus<ChannelEvent | SessionEvent>();
  const news = bus.read({ overflow: "wait" });
  const close = () => bus.close();
  signal.addEventListener("abort", close, { once: true });
  const pour = async (events: AsyncIterable<ChannelEvent | SessionEvent>, until: AbortSignal) => {
    for await (const event of events) {
      if (until.aborted) return;
      if (event.event !== "playout") await bus.push(event);
    }
  };
  const pourLogs = async () => {
    let next = new AbortController();
    for await (const log of logs) {
      next.abort();
      next = new AbortController();
      const until = AbortSignal.any([signal, next.signal]);
      pour(log.read(log.lastIdBefore("state"), until), until).catch(close);
    }
  };
  if (signal.aborted) return close();
  // An error in one of them ends the news of this viewer and nothing else.
  pour(changes, signal).catch(close);
  pourLogs().catch(close);
  yield* news;
}
