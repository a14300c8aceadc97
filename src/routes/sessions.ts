/**
 * `/api/sessions`: ask for a video, look at it, stop it, forget it.
 * @module
 */
import { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { imageLimits, problem, Refusal, type Sessions } from "../session/mod.ts";
import type { BasePath } from "./base_path.ts";
import { problemResponse } from "./problem.ts";
import { check, readJson, readSessionForm, sessionChange } from "./request.ts";

/** Both pictures, and a little for the words around them. */
const bodySizeBytesMax = 2 * imageLimits.sizeBytesMax + 1024 * 1024;
/** A prompt in any script, escaped or not. */
const changeSizeBytesMax = 64 * 1024;

export function sessionRoutes(sessions: Sessions, base: BasePath): Hono {
  const routes = new Hono();

  routes.post("/", bodyLimit({ maxSize: bodySizeBytesMax, onError: tooLarge }), async (c) => {
    const view = base.view(await sessions.create(await readSessionForm(await readForm(c.req.raw))));
    return c.json(view, 202, { location: view.links.self });
  });
  routes.get("/", (c) => c.json(sessions.list().map((view) => base.view(view))));
  routes.get("/:id", (c) => c.json(base.view(sessions.view(c.req.param("id")))));
  routes.patch("/:id", bodyLimit({ maxSize: changeSizeBytesMax, onError: longPrompt }), async (c) => {
    const { prompt } = check(sessionChange, await readJson(c.req.raw));
    return c.json(base.view(sessions.steer(c.req.param("id"), prompt)));
  });
  routes.post("/:id/stop", async (c) => c.json(base.view(await sessions.stop(c.req.param("id")))));
  routes.delete("/:id", async (c) => {
    await sessions.delete(c.req.param("id"));
    return c.body(null, 204);
  });
  return routes;
}

async function readForm(request: Request): Promise<FormData> {
  const type = request.headers.get("content-type") ?? "nothing";
  if (!/^multipart\/form-data\s*;/i.test(type)) {
    throw new Refusal(
      "unsupported-media-type",
      `Send the picture and the settings as multipart/form-data, got ${type}`,
    );
  }
  try {
    return await request.formData();
  } catch (cause) {
    if (cause instanceof Error && cause.name === "BodyLimitError") throw cause;
    throw new Refusal("malformed-body", "The form cannot be read, its parts are damaged or incomplete", {}, { cause });
  }
}

function tooLarge(): Response {
  const limit = `${imageLimits.sizeBytesMax / 2 ** 20} MB`;
  const detail = `The request is too large; a picture may have ${limit}`;
  return problemResponse(problem("body-too-large", detail, { field: "image" }), { connection: "close" });
}

function longPrompt(): Response {
  const detail = "The request is too large; a prompt may have 4000 characters";
  return problemResponse(problem("body-too-large", detail, { field: "prompt" }), { connection: "close" });
}
