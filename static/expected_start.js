/**
 * When a session that is asked for now would start. Pure: no DOM, no clock.
 * @module
 */

/**
 * Seconds until one in the line is taken, by the rule of the server's `src/session/expected_start.ts`.
 * @param engines seconds until each is free; at least one
 * @param before seconds of work of those before it, front first
 * @returns null where one of them is null, which is not known
 */
export function secondsUntilTurn(engines, before) {
  if ([...engines, ...before].includes(null)) return null;
  const free = [...engines];
  for (const seconds of before) free[free.indexOf(Math.min(...free))] += seconds;
  return Math.min(...free);
}
