/**
 * What a benchmark is: a name, and measurements that say what they measured.
 * @module
 */

/** One number with its aim. */
export interface Measurement {
  /** What was measured, as in the README's table. */
  readonly figure: string;
  readonly value: number;
  readonly unit: string;
  readonly aim?: { readonly atLeast: number } | { readonly atMost: number };
  /** Everything the number was made from: medians and minima of each side, sizes, versions. */
  readonly detail: Readonly<Record<string, unknown>>;
}

export interface BenchOptions {
  /** Repetitions; each figure takes them in turns over its contenders. */
  readonly rounds: number;
  /** Python with `reference/requirements.txt`. */
  readonly python: string;
  /** How long a figure that runs for a time shall take, instead of its own length. */
  readonly minutes: number | undefined;
}

export interface Figure {
  readonly name: string;
  readonly what: string;
  /** @throws MissingError when this machine lacks what the figure needs */
  measure(options: BenchOptions): AsyncIterable<Measurement>;
}

/** Says what is not on this machine. */
export class MissingError extends Error {
  override readonly name = "MissingError";
}

/** Seconds of one contender's repetitions. */
export interface Timing {
  readonly min: number;
  readonly median: number;
}

export const timingOf = (seconds: readonly number[]): Timing => ({
  min: Math.min(...seconds),
  median: median(seconds),
});

export const median = (values: readonly number[]): number => percentile(values, 0.5);

/** The least value that at least `share` of the values do not exceed. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]!;
}

/**
 * Runs all contenders in turns, so that whatever else the machine does hits all of them; each gives its own seconds. A
 * first round is not counted.
 */
export async function inTurns<Name extends string>(
  contenders: Readonly<Record<Name, () => Promise<number>>>,
  rounds: number,
): Promise<Record<Name, Timing>> {
  const names = Object.keys(contenders) as Name[];
  const seconds = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<Name, number[]>;
  for (let round = 0; round <= rounds; round++) {
    for (const name of names) {
      const taken = await contenders[name]();
      if (round > 0) seconds[name].push(taken);
    }
  }
  return Object.fromEntries(names.map((name) => [name, timingOf(seconds[name])])) as Record<Name, Timing>;
}

/** Seconds that `work` takes. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
}
