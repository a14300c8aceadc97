/**
 * When an output counts as equal to the recorded one: the rules of a golden folder's README, no others.
 * @module
 */
import type { GoldenCase, GoldenTensor, Tolerance } from "./golden_case.ts";
import { compareExpected } from "./compare_expected.ts";

/** What a component computed for a case: every `out.` tensor by its name without prefix, and every key of `expect`. */
export interface CaseOutputs {
  readonly tensors?: Readonly<Record<string, GoldenTensor>>;
  readonly expect?: Readonly<Record<string, unknown>>;
}

/** How one case ended. */
export interface Comparison {
  /** One sentence per broken rule; none: the case passes. */
  readonly problems: readonly string[];
  /** Of the output that came nearest to its tolerance (or went farthest beyond it), the largest |a − b| … */
  readonly maxDifference: number;
  /** … and what was allowed there. */
  readonly tolerance: number;
}

/** Compares everything the case recorded; something missing is a problem, and so is a case that records nothing. */
export function compareCase(golden: GoldenCase, actual: CaseOutputs): Comparison {
  const problems: string[] = [];
  let worst = { maxDifference: 0, tolerance: 0 };
  for (const [name, { tensor, tolerance }] of Object.entries(golden.outputs)) {
    const output = actual.tensors?.[name];
    if (output === undefined) {
      problems.push(`out.${name} was not computed`);
      continue;
    }
    const result = compareTensor(output, tensor, tolerance);
    problems.push(...result.problems.map((problem) => `out.${name}: ${problem}`));
    if (Number.isNaN(share(result)) || share(result) > share(worst)) worst = result;
  }
  problems.push(...compareExpected(golden.expect, actual.expect ?? {}, golden.outputs["sample"]?.tolerance.atol));
  if (Object.keys(golden.outputs).length + Object.keys(golden.expect).length === 0) {
    problems.push("the case records nothing to compare with");
  }
  return { problems, maxDifference: worst.maxDifference, tolerance: worst.tolerance };
}

/** |a − b| ≤ atol + rtol·|b| everywhere, ‖a − b‖ ≤ rel_l2·‖b‖, and the share of values that differ at all. */
export function compareTensor(actual: GoldenTensor, expected: GoldenTensor, tolerance: Tolerance): Comparison {
  const { atol, rtol, rel_l2, max_fraction_different } = tolerance;
  if (actual.shape.join() !== expected.shape.join() || actual.data.length !== expected.data.length) {
    const problem = `shape [${actual.shape}] of ${actual.data.length} numbers, expected [${expected.shape}]`;
    return { problems: [problem], maxDifference: NaN, tolerance: atol };
  }
  let [outside, different, squaredDifference, squaredSize] = [0, 0, 0, 0];
  let worst = { maxDifference: 0, tolerance: atol };
  for (let i = 0; i < expected.data.length; i++) {
    const size = Math.abs(expected.data[i]!);
    const difference = Math.abs(actual.data[i]! - expected.data[i]!);
    const allowed = atol + rtol * size;
    // Written so that a NaN counts as outside, as different and as the worst, also of those that follow.
    if (!(difference <= allowed)) outside++;
    if (difference !== 0) different++;
    if (Number.isNaN(difference) || difference > worst.maxDifference) {
      worst = { maxDifference: difference, tolerance: allowed };
    }
    squaredDifference += difference ** 2;
    squaredSize += size ** 2;
  }
  const problems = [];
  if (outside > 0) problems.push(`${outside} of ${expected.data.length} values are beyond the tolerance`);
  const distance = squaredDifference === 0 ? 0 : Math.sqrt(squaredDifference / squaredSize);
  if (rel_l2 !== undefined && !(distance <= rel_l2)) {
    problems.push(`relative L2 distance ${distance}, allowed ${rel_l2}`);
  }
  const fraction = different / expected.data.length;
  if (max_fraction_different !== undefined && !(fraction <= max_fraction_different)) {
    problems.push(`a share of ${fraction} differs, allowed ${max_fraction_different}`);
  }
  return { problems, ...worst };
}

function share({ maxDifference, tolerance }: { maxDifference: number; tolerance: number }): number {
  return maxDifference === 0 ? 0 : maxDifference / tolerance;
}
