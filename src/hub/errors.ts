/**
 * What can go wrong between this computer, a hub and its cache.
 * @module
 */

/**
 * `unreachable`, `stalled` and `cut` may pass, `refused` (401, 403, other answers), `missing` (404) and `wrong` (other
 * bytes than promised) do not. `disk` is this computer's own: no space, no right to write. `incomplete`: what is needed
 * is neither in the cache nor may be fetched. `request`: what was asked for makes no sense.
 */
export type HubErrorReason =
  | "unreachable"
  | "stalled"
  | "cut"
  | "refused"
  | "missing"
  | "wrong"
  | "disk"
  | "incomplete"
  | "request";

/** One sentence that names the repository, file or folder. */
export class HubError extends Error {
  override readonly name = "HubError";
  constructor(readonly reason: HubErrorReason, message: string, options: ErrorOptions & { waitMs?: number } = {}) {
    super(message, options);
    this.waitMs = options.waitMs;
  }
  /** How long the hub asks to be left alone. */
  readonly waitMs: number | undefined;
}

/** Whether trying again may help. */
export function mayPass(error: unknown): error is HubError {
  return error instanceof HubError && ["unreachable", "stalled", "cut"].includes(error.reason);
}
