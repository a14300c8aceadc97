import assert from "node:assert/strict";
import type { CaseResult } from "./mod.ts";
import { printParity } from "./print.ts";

async function print(...results: CaseResult[]) {
  const lines: string[] = [];
  const reasons: string[] = [];
  const given = (async function* () {
    yield* results;
  })();
  const output = { result: (line: string) => lines.push(line), reason: (line: string) => reasons.push(line) };
  return { passed: await printParity(given, output), lines, reasons };
}

const good = { component: "noise", name: "seed_1", problems: [], maxDifference: 1.25e-7, tolerance: 1e-6 };
const bad = { ...good, name: "seed_2", problems: ["out.first was not computed"], maxDifference: 0, tolerance: 0 };

Deno.test("printParity() prints a line per case and the counts, reasons apart", async () => {
  assert.deepEqual(await print(good, bad), {
    passed: false,
    lines: [
      "noise/seed_1  1.25e-7  1.00e-6  ok",
      "noise/seed_2  0  0  FAIL",
      "1 passed, 1 failed",
    ],
    reasons: ["  noise/seed_2: out.first was not computed"],
  });
});

Deno.test("printParity() is true only when something ran and nothing failed", async () => {
  assert.equal((await print(good)).passed, true);
  assert.deepEqual(await print(), { passed: false, lines: ["0 passed, 0 failed"], reasons: [] });
});
