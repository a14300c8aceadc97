/**
 * WHEP (draft-ietf-wish-whep): an SDP offer in, the live picture out. ICE-lite, so all candidates are in the answer and
 * there is nothing to PATCH.
 * @module
 */
import { type Context, Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { defaultWaits, problem, Refusal, type Sessions } from "../session/mod.ts";
import type { BasePath } from "./base_path.ts";
import type { ClientEnvironment } from "./client.ts";
import { problemResponse } from "./problem.ts";
import { check, watchQuery } from "./request.ts";

const offerSizeBytesMax = 64 * 1024;
const acceptPost = { "accept-post": "application/sdp" };
const exposed = { "access-control-expose-headers": "Location, ETag, Link, Accept-Post" };

export function whepRoutes(sessions: Sessions, base: BasePath): Hono<ClientEnvironment> {
  const routes = new Hono<ClientEnvironment>();

  routes.post("/:id/whep", bodyLimit({ maxSize: offerSizeBytesMax, onError: tooLarge }), async (c) => {
    const type = c.req.header("content-type") ?? "nothing";
    if (!/^application\/sdp\s*(;|$)/i.test(type)) {
      return problemResponse(problem("unsupported-media-type", `An offer is application/sdp, got ${type}`), acceptPost);
    }
    const { id, settings, links } = sessions.view(c.req.param("id"));
    const { codec, previews, ...asked } = check(watchQuery, c.req.query());
    const view = asked.view ?? (settings.schedule === "forward" ? "edge" : "arrival");
    const wait = asked.wait ?? defaultWaits[view];
    const { address } = c.get("client");
    const live = await sessions.watch(id);
    const { viewerId, answerSdp } = await live.answer(await c.req.text(), {
      choice: { view, wait, previews },
      ...(codec ? { codec } : {}),
      ...(address ? { address } : {}),
    });
    return c.body(answerSdp, 201, {
      "content-type": "application/sdp",
      location: base.address(`${links.whep}/${viewerId}`),
      etag: `"${viewerId}"`,
      ...exposed,
    });
  });
  routes.options("/:id/whep", (c) => c.body(null, 204, { ...acceptPost, ...exposed, allow: "POST, OPTIONS" }));

  routes.delete("/:id/whep/:viewer", (c) => {
    if (sessions.removeViewer(c.req.param("id"), c.req.param("viewer"))) return c.body(null, 200);
    throw new Refusal("not-found", "There is no such viewer, it may have left");
  });
  routes.options("/:id/whep/:viewer", (c) => c.body(null, 204, { ...exposed, allow: "DELETE, OPTIONS" }));
  return routes;
}

function tooLarge(_c: Context): Response {
  return problemResponse(problem("body-too-large", `An offer may have ${offerSizeBytesMax / 1024} KiB`));
}
