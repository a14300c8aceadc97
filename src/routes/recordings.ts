/**
 * The files of a session: the video, single frames, the start picture.
 * @module
 */
import { Hono } from "hono";
import { Refusal, type SessionFiles } from "../session/mod.ts";
import { type ContentHeaders, fileResponse } from "./file.ts";
import { check, frameQuery, readFrameName, sectionNumber } from "./request.ts";

/** Never changes under this address. Private: only who knows the id may see it. */
const forEver = "private, max-age=31536000, immutable";

export function recordingRoutes(files: SessionFiles): Hono {
  const routes = new Hono();

  routes.get("/:id/video.mp4", async (c) => {
    const id = c.req.param("id");
    return await sessionFile(c.req.raw, await files.video(id), {
      "content-type": "video/mp4",
      "content-disposition": `inline; filename="framecast-${id}.mp4"`,
      "cache-control": "private, no-cache",
    });
  });

  routes.get("/:id/sections/:name{.+\\.mp4}", async (c) => {
    const section = sectionNumber(c.req.param("name").replace(/\.mp4$/, ""));
    return await sessionFile(c.req.raw, await files.section(c.req.param("id"), section), {
      "content-type": "video/mp4",
      "cache-control": "private, no-cache",
    });
  });

  routes.get("/:id/frames/:name{.+\\.(jpg|png)}", async (c) => {
    const { index, type } = readFrameName(c.req.param("name"));
    const { width } = check(frameQuery, c.req.query());
    const format = type === "png" ? { type } as const : { type: "jpeg", widthPx: width } as const;
    const { bytes, state } = await files.frame(c.req.param("id"), index, format);
    const cacheControl = state === "final" ? forEver : "no-store";
    return c.body(bytes, 200, { "content-type": `image/${format.type}`, "cache-control": cacheControl });
  });

  routes.get("/:id/image", (c) => {
    const { path, mediaType } = files.startPicture(c.req.param("id"));
    return sessionFile(c.req.raw, path, { "content-type": mediaType, "cache-control": forEver });
  });

  routes.get("/:id/end-image", async (c) => {
    const { path, mediaType } = await files.endPicture(c.req.param("id"));
    return await sessionFile(c.req.raw, path, { "content-type": mediaType, "cache-control": forEver });
  });
  return routes;
}

/** A file that was there when it was asked for may be gone with its session by now. */
async function sessionFile(request: Request, path: string, headers: ContentHeaders): Promise<Response> {
  try {
    return await fileResponse(request, path, headers);
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotFound)) throw cause;
    throw new Refusal("not-found", "The file has just been deleted with its session", {}, { cause });
  }
}
