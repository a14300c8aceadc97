/**
 * Refusals and failures as RFC 9457 problems: every `type` of the API, with its title and status, stands here.
 * @module
 */
import {
  CheckpointError,
  DeviceError,
  EngineLostError,
  InferenceError,
  MemoryShortageError,
  RequestError,
} from "../engine/mod.ts";
import { RecordingError, StoreError } from "../stream/mod.ts";
import type { SessionView } from "./view.ts";

export type Problem = NonNullable<SessionView["problem"]>;

/** Last part of `type` → HTTP status and title. */
export const problemKinds = {
  "invalid-request": [422, "A setting cannot be used"],
  "image-missing": [422, "There is no start picture"],
  "image-unreadable": [422, "The file is not a picture the server can read"],
  "image-too-small": [422, "The picture is too small"],
  "image-too-large": [413, "The picture is too large"],
  "body-too-large": [413, "The request is too large"],
  "unsupported-media-type": [415, "The content type cannot be read"],
  "malformed-body": [400, "The request body is damaged"],
  "not-found": [404, "There is no such thing here"],
  "method-not-allowed": [405, "This address does not know the method"],
  "nothing-left": [409, "Nothing is left to be made"],
  "no-video-yet": [409, "There is no file yet"],
  "no-live-picture": [409, "There is nothing to watch"],
  "range-not-satisfiable": [416, "The range lies outside the file"],
  "queue-full": [503, "Too many videos are waiting"],
  "too-many-viewers": [503, "Too many are watching"],
  "shutting-down": [503, "The server is stopping"],
  "offer-unreadable": [400, "The offer is not SDP that can be answered"],
  "no-common-codec": [406, "There is no common codec"],
  "encoder-failed": [500, "The live picture cannot be encoded"],
  "foreign-host": [403, "The server is not known by this name"],
  "foreign-origin": [403, "Another web page may not do this"],
  "model-missing": [422, "The model is not on this server"],
  "model-broken": [500, "The model cannot be used"],
  "engine-lost": [500, "The engine stopped"],
  "gpu-missing": [500, "The GPU cannot be used"],
  "gpu-lost": [500, "The GPU was lost"],
  "inference-failed": [500, "The model could not be run"],
  "gpu-too-small": [422, "The GPU's memory is too small"],
  "out-of-memory": [500, "The memory is not enough"],
  "disk-full": [507, "The disk is full"],
  "recording-failed": [500, "The file could not be written"],
  "server-died": [500, "The server stopped while it made the video"],
  "internal": [500, "Something went wrong in the server"],
} as const satisfies Record<string, readonly [number, string]>;
export type ProblemKind = keyof typeof problemKinds;

/** Why a picture file cannot be used → the problem that is. */
export const imageProblemKinds = {
  unreadable: "image-unreadable",
  tooLarge: "image-too-large",
  tooSmall: "image-too-small",
} as const satisfies Record<string, ProblemKind>;

/** @param members further members: `field`, numbers */
export function problem(kind: ProblemKind, detail: string, members: Record<string, unknown> = {}): Problem {
  const [status, title] = problemKinds[kind];
  return { type: `/api/docs#problem-${kind}`, title, status, detail, ...members };
}

/** Why a generation ended early, and what is kept. `section` is the one in work, 0 before the first. */
export function generationProblem(error: unknown, section: number, keptSeconds: number): Problem {
  const where = section === 0 ? "before the first section" : `in section ${section}`;
  const kept = keptSeconds > 0 ? `The ${keptSeconds.toFixed(1)} s made so far are kept.` : "Nothing was finished yet.";
  const reason = error instanceof Error ? error.message : String(error);
  const next = keptSeconds > 0 ? "download the file: it is written when you ask for it" : "start it again";
  if (isDiskFull(error)) return problem("disk-full", `The disk is full. ${kept} Free some space, then ${next}.`);
  if (error instanceof EngineLostError) {
    return problem("engine-lost", `The engine stopped ${where}; the next video starts a new one. ${kept}`, { reason });
  }
  if (error instanceof DeviceError) return deviceProblem(error, where, kept);
  if (error instanceof CheckpointError) return problem("model-broken", `${reason}. ${kept}`);
  if (error instanceof RequestError) return problem("invalid-request", `${reason}. ${kept}`, { field: error.field });
  if (error instanceof MemoryShortageError) {
    return problem("gpu-too-small", `${reason}. ${kept}`, { field: "resolution", ...error.shortage });
  }
  if (error instanceof InferenceError) {
    return isOutOfMemory(error)
      ? problem("out-of-memory", `The memory was not enough ${where}. ${kept}`, { reason })
      : problem("inference-failed", `The model could not be run ${where}. ${kept}`, { reason });
  }
  if (error instanceof StoreError || error instanceof RecordingError) {
    return problem("recording-failed", `${reason}. ${kept}`);
  }
  return problem("internal", `Something unexpected happened ${where}: ${reason}. ${kept}`);
}

function deviceProblem({ fault, message: reason }: DeviceError, where: string, kept: string): Problem {
  switch (fault) {
    case "missing":
      return problem("gpu-missing", `${reason}. ${kept}`);
    case "lost":
      return problem("gpu-lost", `The GPU was lost ${where}; the next video starts a new engine. ${kept}`, { reason });
    case "out of memory":
      return problem("out-of-memory", `The GPU's memory was not enough ${where}. ${kept}`, { reason });
  }
}

/** ENOSPC in whatever words and however deep: of Deno, of ffmpeg, of the frame store, of SQLite. */
export function isDiskFull(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause) {
    if (/ENOSPC|os error 28|no space (is )?left|disk is full/i.test(at.message)) return true;
  }
  return false;
}

function isOutOfMemory(error: Error): boolean {
  return /out of memory|bad_alloc|failed to allocate|CUDA_ERROR_OUT_OF_MEMORY/i.test(error.message);
}
