/**
 * Time in the hands of a test.
 * @module
 */
import type { Clock } from "../src/stream/mod.ts";

/** Stands until the test moves it. For one who lives by it. */
export class ManualClock implements Clock {
  #nowMs = 1000;
  #waiting: { timeMs: number; resolve: () => void } | undefined;
  #arrival = Promise.withResolvers<void>();

  nowMs(): number {
    return this.#nowMs;
  }

  waitUntil(timeMs: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.reject(signal.reason);
    if (timeMs <= this.#nowMs) return Promise.resolve();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiting = { timeMs, resolve };
    this.#arrival.resolve();
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    return promise;
  }

  /** Moves on by a time, once whoever lives by this clock waits for it, and lets that do what it waited for. */
  async pass(durationMs: number): Promise<void> {
    await this.#arrival.promise;
    this.#nowMs += durationMs;
    if (!this.#waiting || this.#waiting.timeMs > this.#nowMs) return;
    this.#arrival = Promise.withResolvers();
    const { resolve } = this.#waiting;
    this.#waiting = undefined;
    resolve();
    await new Promise((done) => setTimeout(done, 0));
  }
}
