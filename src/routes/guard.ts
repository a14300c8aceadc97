/**
 * Who may call a server that runs on somebody's own computer. Any web page can send requests to `127.0.0.1` and to the
 * local network; two checks keep foreign ones out while people of the house get in by address or name.
 *
 * 1. Host: a foreign name that points here is DNS rebinding (its page would count as same-origin). Addresses, `localhost`,
 *    `*.local` and names without a dot cannot be registered by a stranger; others have to be configured.
 * 2. Origin: a browser states it with every request that changes something. It must be this server's own or a configured
 *    one. Programs that are no browsers send none and are let in.
 * @module
 */
import type { MiddlewareHandler } from "hono";
import { problem } from "../session/mod.ts";
import type { ClientEnvironment } from "./client.ts";
import { problemResponse } from "./problem.ts";

export interface GuardOptions {
  readonly allowedHosts: readonly string[];
  /** `*` allows every origin. */
  readonly allowedOrigins: readonly string[];
}

/** Comes after `identify`. */
export function guard({ allowedHosts, allowedOrigins }: GuardOptions): MiddlewareHandler<ClientEnvironment> {
  return async (c, next) => {
    const { host } = c.get("client");
    if (!isHostOfTheHouse(host, allowedHosts)) {
      const cure = "add it to FRAMECAST_ALLOWED_HOSTS if it is right";
      return problemResponse(
        problem("foreign-host", `This server is not known as "${host}"; ${cure}`, { value: host }),
      );
    }
    const origin = c.req.header("origin");
    const isAllowed = origin !== undefined && (allowedOrigins.includes("*") || allowedOrigins.includes(origin));
    const isChange = !["GET", "HEAD", "OPTIONS"].includes(c.req.method);
    if (isChange && origin !== undefined && !isAllowed && !isSameHost(origin, host)) {
      const cure = "add it to FRAMECAST_ALLOWED_ORIGINS if it may";
      return problemResponse(
        problem("foreign-origin", `Pages of ${origin} may not change anything here; ${cure}`, { value: origin }),
      );
    }
    if (isAllowed && c.req.header("access-control-request-method")) { // a preflight asks for these headers and nothing else
      const answer = new Response(null, { status: 204 });
      allowReading(answer.headers, origin);
      return answer;
    }
    await next();
    // Pictures and videos of this server are not for other pages to show, where none is known.
    c.res.headers.set("cross-origin-resource-policy", allowedOrigins.length > 0 ? "cross-origin" : "same-origin");
    if (isAllowed) allowReading(c.res.headers, origin);
    return undefined;
  };
}

/** Cross-origin rights of a configured page (Fetch standard, CORS protocol). */
function allowReading(headers: Headers, origin: string): void {
  headers.set("access-control-allow-origin", origin);
  headers.append("vary", "Origin");
  headers.set("access-control-allow-methods", "GET, POST, PUT, DELETE, OPTIONS");
  headers.set("access-control-allow-headers", "Content-Type, Last-Event-ID, Range, If-Match");
  if (!headers.has("access-control-expose-headers")) {
    headers.set("access-control-expose-headers", "Location, ETag, Link, Content-Range, Retry-After");
  }
}

/** @param host as in the header: name or address, with or without port */
export function isHostOfTheHouse(host: string, allowedHosts: readonly string[]): boolean {
  const name = host.replace(/:\d*$/, "").replace(/\.$/, "").toLowerCase();
  const isAddress = /^\d{1,3}(\.\d{1,3}){3}$/.test(name) || /^\[[0-9a-f:.]+\]$/.test(name);
  const isLocalName = /^[\w-]+$/.test(name) || name.endsWith(".localhost") || name.endsWith(".local");
  return isAddress || isLocalName || allowedHosts.some((allowed) => allowed.toLowerCase() === name);
}

/** Scheme aside: a proxy in front may speak https. `null` (sandboxed pages, files) is nobody's host. */
function isSameHost(origin: string, host: string): boolean {
  return URL.canParse(origin) && new URL(origin).host === new URL(`http://${host}`).host;
}
