/**
 * Errors → `application/problem+json` (RFC 9457). Routes throw; this is the only place that turns a class into a status.
 * @module
 */
import { CheckpointError, RequestError } from "../engine/mod.ts";
import { FfmpegError } from "../ffmpeg.ts";
import { ImageError } from "../image.ts";
import { type Problem, problem, Refusal } from "../session/mod.ts";
import { EncoderError, OfferError } from "../stream/mod.ts";

/** The problem an error is. Anything unknown is `internal` and tells nothing of its inside. */
export function problemOf(error: unknown): Problem {
  if (error instanceof Refusal) return error.problem;
  if (error instanceof ImageError) {
    const kinds = { unreadable: "image-unreadable", tooLarge: "image-too-large", tooSmall: "image-too-small" } as const;
    return problem(kinds[error.reason], error.message, { field: "image" });
  }
  if (error instanceof RequestError) return problem("invalid-request", error.message, { field: error.field });
  if (error instanceof CheckpointError) return problem("model-broken", error.message, { field: "model" });
  if (error instanceof OfferError) {
    return problem(error.reason === "unreadable" ? "offer-unreadable" : "no-common-codec", error.message);
  }
  if (error instanceof EncoderError || error instanceof FfmpegError) return problem("encoder-failed", error.message);
  return problem("internal", "Something unexpected happened; the server's log tells more");
}

/** @param headers beside the content type, such as `Allow` */
export function problemResponse(body: Problem, headers: Record<string, string> = {}): Response {
  const retry = typeof body.retryAfterSeconds === "number" ? { "retry-after": String(body.retryAfterSeconds) } : {};
  return new Response(JSON.stringify(body), {
    status: body.status,
    headers: { "content-type": "application/problem+json", "cache-control": "no-store", ...retry, ...headers },
  });
}
