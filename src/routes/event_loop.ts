/**
 * How late this process comes to what it has to do: a thread that streams must never be held up.
 * @module
 */
import { Histogram, type HistogramCounts } from "../session/mod.ts";

/** What time is asked of; `systemClock` of the stream is one. */
export interface EventLoopClock {
  /** Milliseconds on a clock that never goes back. */
  nowMs(): number;
  /** Resolves at `timeMs`. @throws the signal's reason */
  waitUntil(timeMs: number, signal: AbortSignal): Promise<void>;
}

const sampleMs = 100;
/** Seconds; a frame is there for 1/30. */
const bounds = [0.001, 0.002, 0.005, 0.01, 0.02, 0.033, 0.05, 0.1, 0.2, 0.5, 1];

/** Sees ten times a second how much later than wanted it wakes, until disposed. */
export class EventLoopWatch implements Disposable {
  readonly #delays = new Histogram(bounds);
  readonly #stop = new AbortController();

  constructor(clock: EventLoopClock) {
    this.#watch(clock).catch(() => {}); // disposed
  }

  /** Seconds. */
  get delays(): HistogramCounts {
    return this.#delays.counts;
  }

  [Symbol.dispose](): void {
    this.#stop.abort();
  }

  async #watch(clock: EventLoopClock): Promise<void> {
    while (true) {
      const wantedMs = clock.nowMs() + sampleMs;
      await clock.waitUntil(wantedMs, this.#stop.signal);
      this.#delays.observe(Math.max(0, clock.nowMs() - wantedMs) / 1000);
    }
  }
}
