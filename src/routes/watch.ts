/**
 * Watching, the same for sessions and channels: WHEP (draft-ietf-wish-whep), where an SDP offer comes in and the live
 * picture goes out, and the transport stream. ICE-lite, so all candidates are in the answer and there is nothing to PATCH.
 * @module
 */
import { type Context, Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { defaultWaits, problem, Refusal, type Stage, type View, type ViewChoice } from "../session/mod.ts";
import type { BasePath } from "./base_path.ts";
import type { ClientEnvironment } from "./client.ts";
import { type IceServer, iceServerLinks } from "./ice_servers.ts";
import { problemResponse } from "./problem.ts";
import { check, readJson } from "./request.ts";
import { type AskedChoice, channelStreamQuery, channelWatchQuery, viewChoice } from "./watch_request.ts";

export interface WatchOptions {
  readonly base: BasePath;
  /** What viewers may need to get through to this server. */
  readonly iceServers: readonly IceServer[];
  /** The name in an address, checked. @throws `Refusal` */
  readonly nameOf: (text: string) => string;
}

const offerSizeBytesMax = 64 * 1024;
const choiceSizeBytesMax = 4096;
const acceptPost = { "accept-post": "application/sdp" };
const exposed = { "access-control-expose-headers": "Location, ETag, Link, Accept-Post, Retry-After" };

/** Routes below `/:name`, where the name is that of something on the stage. */
export function watchRoutes(stage: Stage, { base, iceServers, nameOf }: WatchOptions): Hono<ClientEnvironment> {
  const routes = new Hono<ClientEnvironment>();
  const link: Record<string, string> = iceServers.length > 0 ? { link: iceServerLinks(iceServers) } : {};

  routes.post(
    "/:name/whep",
    bodyLimit({ maxSize: offerSizeBytesMax, onError: tooLarge("An offer", 64) }),
    async (c) => {
      const type = c.req.header("content-type") ?? "nothing";
      if (!/^application\/sdp\s*(;|$)/i.test(type)) {
        return problemResponse(
          problem("unsupported-media-type", `An offer is application/sdp, got ${type}`),
          acceptPost,
        );
      }
      const { codec, end, ...asked } = check(channelWatchQuery, c.req.query());
      const { address } = c.get("client");
      return await stage.watch(nameOf(c.req.param("name")), end, async ({ live, links, defaultView, events }) => {
        const choice = choiceOf(asked, defaultView);
        const told = (signal: AbortSignal) => base.events(events(signal));
        const options = { choice, events: told, ...(codec ? { codec } : {}), ...(address ? { address } : {}) };
        const { viewerId, answerSdp } = await live.answer(await c.req.text(), options);
        return c.body(answerSdp, 201, {
          "content-type": "application/sdp",
          location: base.address(`${links.whep}/${viewerId}`),
          etag: `"${viewerId}"`,
          ...link,
          ...exposed,
        });
      });
    },
  );
  // Browsers want to know the servers before they make an offer (RFC 9725, section 4.6).
  const options = { ...acceptPost, ...link, ...exposed, allow: "POST, OPTIONS" };
  routes.options("/:name/whep", (c) => c.body(null, 204, options));

  routes.delete("/:name/whep/:viewer", (c) => {
    const { name, viewer } = c.req.param();
    if (stage.removeViewer(nameOf(name), viewer)) return c.body(null, 200);
    throw noViewer();
  });
  routes.options("/:name/whep/:viewer", (c) => c.body(null, 204, { ...exposed, allow: "DELETE, OPTIONS" }));

  const choiceLimit = bodyLimit({ maxSize: choiceSizeBytesMax, onError: tooLarge("A choice", 4) });
  routes.put("/:name/whep/:viewer/view", choiceLimit, async (c) => {
    const { name, viewer } = c.req.param();
    const asked = check(viewChoice, await readJson(c.req.raw));
    if (stage.choose(nameOf(name), viewer, choiceOf(asked, asked.view))) return c.body(null, 204);
    throw noViewer();
  });
  routes.options("/:name/whep/:viewer/view", (c) => c.body(null, 204, { ...exposed, allow: "OPTIONS, PUT" }));

  routes.get("/:name/live.ts", async (c) => {
    const { end, ...asked } = check(channelStreamQuery, c.req.query());
    const { address } = c.get("client");
    return await stage.watch(nameOf(c.req.param("name")), end, ({ live, defaultView }) => {
      const isWanted = c.req.method !== "HEAD";
      const choice = choiceOf(asked, defaultView);
      const stream = isWanted ? live.transportStream(choice, address ? { address } : {}) : null;
      return Promise.resolve(new Response(stream, { headers: transportHeaders }));
    });
  });
  return routes;
}

/** Endless: nothing on the way may keep it or wait for its end (nginx reads `X-Accel-Buffering`). */
const transportHeaders = { "content-type": "video/mp2t", "cache-control": "no-store", "x-accel-buffering": "no" };

function choiceOf({ view, wait, previews }: AskedChoice, defaultView: View): ViewChoice {
  const chosen = view ?? defaultView;
  return { view: chosen, wait: wait ?? defaultWaits[chosen], previews };
}

function noViewer(): Refusal {
  return new Refusal("not-found", "There is no such viewer, it may have left");
}

function tooLarge(what: string, kibibytes: number): (c: Context) => Response {
  return () => problemResponse(problem("body-too-large", `${what} may have ${kibibytes} KiB`));
}
