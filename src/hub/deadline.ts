/**
 * Ends of waiting: when somebody stops it, or when it has taken too long.
 *
 * `AbortSignal.any` is not used here. In Deno 2.9 a body whose only signal came from it sometimes went on waiting after the
 * abort (seen with a redirected answer that stood still); a listener on the signal itself is always called.
 * @module
 */

/** A controller that is aborted with `signal`, and may be aborted before. */
export function following(signal: AbortSignal): AbortController {
  const controller = new AbortController();
  if (signal.aborted) controller.abort(signal.reason);
  signal.addEventListener("abort", () => controller.abort(signal.reason), { once: true });
  return controller;
}

export interface Deadline {
  readonly durationMs: number;
  /** Thrown when the time is over. */
  readonly late: Error;
  readonly signal: AbortSignal;
}

/** Waits for `work`, at most so long. What was waited for is not ended; the caller does that. */
export async function withDeadline<T>({ durationMs, late, signal }: Deadline, work: () => Promise<T>): Promise<T> {
  signal.throwIfAborted();
  const { promise: ended, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(late), durationMs);
  const stop = () => reject(signal.reason);
  signal.addEventListener("abort", stop, { once: true });
  try {
    return await Promise.race([work(), ended]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
  }
}
