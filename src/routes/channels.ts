/**
 * `/api/channels`: what the channels show. They come into being by their names.
 * @module
 */
import { Hono } from "hono";
import type { Channels } from "../session/mod.ts";
import type { BasePath } from "./base_path.ts";
import { eventStreamResponse } from "./event_stream.ts";
import { readChannelName } from "./request.ts";

export function channelRoutes(channels: Channels, base: BasePath): Hono {
  const routes = new Hono();
  routes.get("/", (c) => c.json(channels.list().map((channel) => base.channel(channel))));
  routes.get("/:name", (c) => c.json(base.channel(channels.view(readChannelName(c.req.param("name"))))));
  routes.get("/:name/events", (c) => {
    const leave = new AbortController();
    const events = channels.follow(readChannelName(c.req.param("name")), leave.signal);
    return eventStreamResponse(base.events(events), leave);
  });
  return routes;
}
