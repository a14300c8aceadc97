/**
 * Everything that answers HTTP, put together.
 * @module
 */
import { Hono } from "hono";
import type { Log } from "../log.ts";
import { problem, problemOf } from "../session/mod.ts";
import { eventRoutes } from "./events.ts";
import { guard, type GuardOptions } from "./guard.ts";
import { pageRoutes, type PagesOptions } from "./pages.ts";
import { problemResponse } from "./problem.ts";
import { recordingRoutes } from "./recordings.ts";
import { sessionRoutes } from "./sessions.ts";
import { type SystemOptions, systemRoutes } from "./system.ts";
import { whepRoutes } from "./whep.ts";

export interface AppOptions extends SystemOptions, PagesOptions, GuardOptions {
  readonly log: Log;
}

export function createApp(options: AppOptions): Hono {
  const { sessions, log } = options;
  const app = new Hono();
  app.use(guard(options));
  app.use(async (c, next) => {
    await next();
    c.res.headers.set("x-content-type-options", "nosniff");
    c.res.headers.set("referrer-policy", "no-referrer");
  });
  app.route("/api/sessions", sessionRoutes(sessions));
  app.route("/api/sessions", whepRoutes(sessions));
  app.route("/api/sessions", recordingRoutes(sessions));
  app.route("/api", eventRoutes(sessions));
  app.route("/api", systemRoutes(options));
  app.all("/api/*", (c, next) => c.req.path === "/api/docs" ? next() : notFoundOrNotAllowed(app, c.req.raw));
  app.route("/", pageRoutes(options));
  app.notFound((c) => notFoundOrNotAllowed(app, c.req.raw));
  app.onError((error, c) => {
    const body = problemOf(error);
    if (body.status >= 500) log.error("request.failed", { method: c.req.method, path: c.req.path, error });
    return problemResponse(body);
  });
  return app;
}

/** 405 with `Allow` when the address exists for another method (RFC 9110, 15.5.6), else 404. */
function notFoundOrNotAllowed(app: Hono, request: Request): Response {
  const { pathname } = new URL(request.url);
  const methods = new Set(
    app.routes.filter(({ method, path }) => method !== "ALL" && !path.endsWith("*") && matches(path, pathname))
      .map(({ method }) => method),
  );
  if (methods.size === 0) return problemResponse(problem("not-found", `There is nothing at ${pathname.slice(0, 200)}`));
  if (methods.has("GET")) methods.add("HEAD");
  const allow = [...methods].sort().join(", ");
  const detail = `${pathname.slice(0, 200)} answers ${allow}, not ${request.method}`;
  return problemResponse(problem("method-not-allowed", detail), { allow });
}

/** `path` as routes are written: `/api/sessions/:id`, `/:name{pattern}`. */
function matches(path: string, pathname: string): boolean {
  const pattern = path.split("/").map((part) => part.startsWith(":") ? "[^/]+" : RegExp.escape(part)).join("/");
  return new RegExp(`^${pattern}$`).test(pathname);
}
