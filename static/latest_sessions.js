/**
 * Which session `latest` means, from the feed of all sessions.
 * @module
 */
import { call } from "./api.js";
import { pause, retryDelaySeconds } from "./backoff.js";
import { readEvents } from "./event_stream.js";

const never = new AbortController().signal;

/**
 * Yields the latest session as `{ id, state, links }`, or null, at once and whenever another one is meant. Never ends by
 * itself; leaving the loop closes the connection, of which a browser has only six to a server.
 */
export async function* latestSessions() {
  let failures = 0;
  while (true) {
    try {
      const response = await call("api/events", { headers: { accept: "text/event-stream" }, cache: "no-store" });
      failures = 0;
      for await (const events of readEvents(response.body)) {
        for (const { event, data } of events) if (event === "latest") yield data;
      }
    } catch {
      // The server is away; whoever waits goes on waiting.
    }
    failures++;
    await pause(retryDelaySeconds(failures), never);
  }
}
