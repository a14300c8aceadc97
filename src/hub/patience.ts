/**
 * Trying again what may pass.
 * @module
 */
import { mayPass } from "./errors.ts";

export interface Patience {
  /** How often in a row, without any progress between. */
  readonly retries: number;
  /** @throws the signal's reason */
  pause(durationMs: number, signal: AbortSignal): Promise<void>;
}

/** For people at a command line: gives up after about a minute without a byte. */
export const patient: Patience = {
  retries: 6,
  pause(durationMs, signal) {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, durationMs);
    const stop = () => reject(signal.reason);
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop, { once: true });
    return promise.finally(() => {
      clearTimeout(timer);
      signal.removeEventListener("abort", stop);
    });
  },
};

const longestMs = 5 * 60_000;

/** What the hub asks for, else 1, 2, 4, 8, … s. @param failures in a row, this one included */
export function waitBefore(failures: number, askedMs?: number): number {
  return Math.min(askedMs ?? 1000 * 2 ** (failures - 1), longestMs);
}

/** Runs `attempt` until it succeeds, fails for good, or has failed too often. */
export async function patiently<T>(attempt: () => Promise<T>, patience: Patience, signal: AbortSignal): Promise<T> {
  for (let failures = 1;; failures++) {
    try {
      return await attempt();
    } catch (error) {
      if (!mayPass(error) || failures > patience.retries) throw error;
      await patience.pause(waitBefore(failures, error.waitMs), signal);
    }
  }
}
