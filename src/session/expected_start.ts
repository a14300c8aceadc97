/**
 * When it is whose turn, in a line that several engines serve. Pure.
 * @module
 */

/**
 * Seconds until one in the line is taken. Who is before it goes to the engine that is free first.
 * @param engines seconds until each is free; at least one
 * @param before seconds of work of those before it in the line, front first
 * @returns null where one of them is not known
 */
export function secondsUntilTurn(
  engines: readonly (number | null)[],
  before: readonly (number | null)[],
): number | null {
  const free = engines.filter((seconds) => seconds !== null);
  const work = before.filter((seconds) => seconds !== null);
  if (free.length < engines.length || work.length < before.length) return null;
  for (const seconds of work) {
    const first = free.indexOf(Math.min(...free));
    free[first]! += seconds;
  }
  return Math.min(...free);
}
