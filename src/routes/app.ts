/**
 * Everything that answers HTTP, put together.
 * @module
 */
import { type Context, Hono, type MiddlewareHandler } from "hono";
import { getPath } from "hono/utils/url";
import type { Log } from "../log.ts";
import { problem, problemOf } from "../session/mod.ts";
import { BasePath } from "./base_path.ts";
import { channelRoutes } from "./channels.ts";
import { type ClientEnvironment, identify } from "./client.ts";
import { eventRoutes } from "./events.ts";
import { guard, type GuardOptions } from "./guard.ts";
import type { IceServer } from "./ice_servers.ts";
import { type MetricsOptions, metricsRoutes } from "./metrics.ts";
import { pageRoutes, type PagesOptions } from "./pages.ts";
import { problemResponse } from "./problem.ts";
import { recordingRoutes } from "./recordings.ts";
import { readChannelName } from "./request.ts";
import { sessionRoutes } from "./sessions.ts";
import { type SystemOptions, systemRoutes } from "./system.ts";
import { watchRoutes } from "./watch.ts";

export interface AppOptions extends SystemOptions, PagesOptions, GuardOptions, MetricsOptions {
  /** Where all of it lies: `""` or such as `/framecast`. */
  readonly basePath: string;
  /** Addresses or networks of proxies in front of it. */
  readonly trustedProxies: readonly string[];
  /** STUN and TURN servers that viewers are told of. */
  readonly iceServers: readonly IceServer[];
  readonly log: Log;
}

export function createApp(options: AppOptions): Hono<ClientEnvironment> {
  const { sessions, log } = options;
  const base = new BasePath(options.basePath);
  // Routes, and `c.req.path`, are without the base path.
  const app = new Hono<ClientEnvironment>({ getPath: (request) => base.strip(getPath(request)) ?? "/" });
  app.use(identify(options.trustedProxies));
  app.use(guard(options));
  app.use(async (c, next) => {
    await next();
    c.res.headers.set("x-content-type-options", "nosniff");
    c.res.headers.set("referrer-policy", "no-referrer");
  });
  if (base.path !== "") app.use(leadToBase(base), problemsBelow(base));
  app.route("/api/sessions", sessionRoutes(sessions, base));
  app.route("/api/sessions", watchRoutes(sessions.stage, { ...options, base, nameOf: (id) => id }));
  app.route("/api/sessions", recordingRoutes(sessions.files));
  app.route("/api/channels", channelRoutes(sessions.channels, base));
  app.route("/api/channels", watchRoutes(sessions.channels, { ...options, base, nameOf: readChannelName }));
  app.route("/api", eventRoutes(sessions, base));
  app.route("/api", systemRoutes(options, base));
  app.all("/api/*", (c, next) => c.req.path === "/api/docs" ? next() : notFoundOrNotAllowed(app, c));
  app.route("/", metricsRoutes(options));
  app.route("/", pageRoutes(options, base));
  app.notFound((c) => notFoundOrNotAllowed(app, c));
  app.onError((error, c) => {
    const body = problemOf(error);
    if (body.status >= 500) log.error("request.failed", { method: c.req.method, path: c.req.path, error });
    return problemResponse(body);
  });
  return app;
}

/** The root of the host, and the base path without its slash, lead to the studio; all else beside it is not here. */
function leadToBase(base: BasePath): MiddlewareHandler {
  return async (c, next) => {
    const path = getPath(c.req.raw);
    if (path === "/") return c.redirect(base.address("/"), 307);
    if (path === base.path) return c.redirect(base.address("/"), 308);
    if (base.strip(path) !== undefined) return await next();
    const detail = `There is nothing at ${path.slice(0, 200)}, everything lies below ${base.address("/")}`;
    return problemResponse(problem("not-found", detail));
  };
}

/** The address that explains a problem, as the outside knows it. */
function problemsBelow(base: BasePath): MiddlewareHandler {
  return async (c, next) => {
    await next();
    if (c.res.headers.get("content-type") !== "application/problem+json") return;
    c.res = new Response(JSON.stringify(base.problem(await c.res.json())), c.res);
  };
}

/** 405 with `Allow` when the address exists for another method (RFC 9110, 15.5.6), else 404. */
function notFoundOrNotAllowed(app: Hono<ClientEnvironment>, c: Context): Response {
  const { path: pathname, method } = c.req;
  const methods = new Set(
    app.routes.filter(({ method, path }) => method !== "ALL" && !path.endsWith("*") && matches(path, pathname))
      .map(({ method }) => method),
  );
  if (methods.size === 0) return problemResponse(problem("not-found", `There is nothing at ${pathname.slice(0, 200)}`));
  if (methods.has("GET")) methods.add("HEAD");
  const allow = [...methods].sort().join(", ");
  const detail = `${pathname.slice(0, 200)} answers ${allow}, not ${method}`;
  return problemResponse(problem("method-not-allowed", detail), { allow });
}

/** `path` as routes are written: `/api/sessions/:id`, `/:name{pattern}`. */
function matches(path: string, pathname: string): boolean {
  const pattern = path.split("/").map((part) => part.startsWith(":") ? "[^/]+" : RegExp.escape(part)).join("/");
  return new RegExp(`^${pattern}$`).test(pathname);
}
