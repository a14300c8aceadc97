/**
 * What a call can be refused for, and every error of the product as the problem it is.
 * @module
 */
import { CheckpointError, RequestError } from "../engine/mod.ts";
import { FfmpegError } from "../ffmpeg.ts";
import { ImageError } from "../image.ts";
import { EncoderError, OfferError, ViewerLimitError } from "../stream/mod.ts";
import { imageProblemKinds, isDiskFull, type Problem, problem, type ProblemKind } from "./problem.ts";

/** A call that cannot be done; the message is the problem's detail. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly problem: Problem;

  /** @param members further members of the problem: `field`, numbers */
  constructor(kind: ProblemKind, detail: string, members?: Record<string, unknown>, options?: ErrorOptions) {
    super(detail, options);
    this.problem = problem(kind, detail, members);
  }
}

/** The reason of an abort: somebody stopped the session, and what is made is kept. */
export class StopRequested extends Error {
  override readonly name = "StopRequested";
}

/** The problem an error is. Anything unknown is `internal` and tells nothing of its inside. */
export function problemOf(error: unknown): Problem {
  if (error instanceof Refusal) return error.problem;
  if (error instanceof ImageError) {
    return problem(imageProblemKinds[error.reason], error.message, { field: "image" });
  }
  if (error instanceof RequestError) return problem("invalid-request", error.message, { field: error.field });
  if (error instanceof CheckpointError) return problem("model-broken", error.message, { field: "model" });
  if (error instanceof OfferError) {
    return problem(error.reason === "unreadable" ? "offer-unreadable" : "no-common-codec", error.message);
  }
  if (error instanceof ViewerLimitError) {
    const { limit, retryAfterSeconds } = error;
    return problem("too-many-viewers", error.message, { limit, retryAfterSeconds });
  }
  if (isDiskFull(error)) return problem("disk-full", "The disk is full, so this cannot be done");
  if (error instanceof EncoderError || error instanceof FfmpegError) return problem("encoder-failed", error.message);
  return problem("internal", "Something unexpected happened; the server's log tells more");
}
