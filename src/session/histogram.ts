/**
 * How often something took how long, in fixed steps, since the server began. Pure.
 * @module
 */

/** As Prometheus wants it: each bucket counts everything up to its bound. */
export interface HistogramCounts {
  /** Bounds grow; the last is Infinity and counts all. */
  readonly buckets: readonly { readonly upTo: number; readonly count: number }[];
  readonly sum: number;
  readonly count: number;
}

export class Histogram {
  readonly #bounds: readonly number[];
  readonly #counts: number[];
  #sum = 0;

  /** @param bounds upper bounds, growing, without Infinity */
  constructor(bounds: readonly number[]) {
    this.#bounds = [...bounds, Infinity];
    this.#counts = this.#bounds.map(() => 0);
  }

  observe(value: number): void {
    const bucket = this.#bounds.findIndex((bound) => value <= bound);
    this.#counts[bucket] = this.#counts[bucket]! + 1;
    this.#sum += value;
  }

  get counts(): HistogramCounts {
    let count = 0;
    const buckets = this.#bounds.map((upTo, bucket) => ({ upTo, count: count += this.#counts[bucket]! }));
    return { buckets, sum: this.#sum, count };
  }
}
