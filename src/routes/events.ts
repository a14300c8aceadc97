/**
 * What happens, as server-sent events: one session's log, and the feed of all.
 * @module
 */
import { Hono } from "hono";
import type { Sessions } from "../session/mod.ts";
import type { BasePath } from "./base_path.ts";
import { eventStreamResponse, type ServerSentEvent } from "./event_stream.ts";
import { lastEventId } from "./request.ts";

export function eventRoutes(sessions: Sessions, base: BasePath): Hono {
  const routes = new Hono();

  routes.get("/sessions/:id/events", (c) => {
    const leave = new AbortController();
    const afterId = lastEventId(c.req.raw);
    if (sessions.hasEndedAt(c.req.param("id"), afterId)) return c.body(null, 204); // tells an EventSource to stop
    return eventStreamResponse(base.events(sessions.events(c.req.param("id"), afterId, leave.signal)), leave);
  });

  routes.get("/events", () => {
    const leave = new AbortController();
    return eventStreamResponse(base.feed(sessions.follow(leave.signal)) as AsyncIterable<ServerSentEvent>, leave);
  });
  return routes;
}
