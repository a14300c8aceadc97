/**
 * How a measurement is printed: one row of the README's table, and one JSON line with everything it was made from.
 * @module
 */
import type { Measurement } from "./figure.ts";

export function show({ figure, value, unit, aim, detail }: Measurement): void {
  const isMet = aim === undefined || ("atLeast" in aim ? value >= aim.atLeast : value <= aim.atMost);
  const wanted = aim === undefined ? "" : "atLeast" in aim ? `≥ ${aim.atLeast}` : `≤ ${aim.atMost}`;
  const rounded = Number(value.toPrecision(3));
  print(`| ${figure} | ${rounded} ${unit} | ${wanted} | ${aim === undefined ? "" : isMet ? "met" : "missed"} |`);
  print(JSON.stringify({ figure, value, unit, ...(aim ? { aim, isMet } : {}), ...detail }));
}

export const print = (text: string) => Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
