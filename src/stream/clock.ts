/**
 * Time as something that is passed in, so that a test can hold it.
 * @module
 */

export interface Clock {
  /** Milliseconds on a clock that never goes back. */
  nowMs(): number;
  /** Resolves at `timeMs`, or at once when that has passed. @throws the signal's reason */
  waitUntil(timeMs: number, signal: AbortSignal): Promise<void>;
}

/** The computer's own clock. */
export const systemClock: Clock = {
  nowMs: () => performance.now(),
  waitUntil(timeMs, signal) {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    if (signal.aborted) reject(signal.reason);
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", stop);
      resolve();
    }, Math.max(0, timeMs - performance.now()));
    signal.addEventListener("abort", stop, { once: true });
    return promise;
  },
};
