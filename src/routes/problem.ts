/**
 * Problems as answers: `application/problem+json` (RFC 9457).
 * @module
 */
import type { Problem } from "../session/mod.ts";

/** @param headers beside the content type, such as `Allow` */
export function problemResponse(body: Problem, headers: Record<string, string> = {}): Response {
  const retry = typeof body.retryAfterSeconds === "number" ? { "retry-after": String(body.retryAfterSeconds) } : {};
  return new Response(JSON.stringify(body), {
    status: body.status,
    headers: { "content-type": "application/problem+json", "cache-control": "no-store", ...retry, ...headers },
  });
}
