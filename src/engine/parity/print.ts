/**
 * Parity results as text.
 * @module
 */
import type { CaseResult } from "./component.ts";

/** Where lines go: results to one, the reasons of failures to the other. */
export interface ParityOutput {
  readonly result: (line: string) => void;
  readonly reason: (line: string) => void;
}

/** One line per case, `component/case  max|Δ|  tolerance  ok|FAIL`, and a closing count. True when there were cases and all passed. */
export async function printParity(results: AsyncIterable<CaseResult>, output: ParityOutput): Promise<boolean> {
  const count = { passed: 0, failed: 0 };
  for await (const { component, name, maxDifference, tolerance, problems } of results) {
    const passed = problems.length === 0;
    count[passed ? "passed" : "failed"]++;
    output.result(
      `${component}/${name}  ${number(maxDifference)}  ${number(tolerance)}  ${passed ? "ok" : "FAIL"}`,
    );
    for (const problem of problems) output.reason(`  ${component}/${name}: ${problem}`);
  }
  output.result(`${count.passed} passed, ${count.failed} failed`);
  return count.failed === 0 && count.passed > 0;
}

function number(value: number): string {
  return value === 0 ? "0" : value.toExponential(2);
}
