/** @module */
import type { CaseOutputs, Comparison } from "./compare.ts";
import type { GoldenCase } from "./golden_case.ts";

/** Computes one case of a component from its inputs and parameters alone. */
export type ComponentRunner = (golden: GoldenCase) => Promise<CaseOutputs>;

/** One case's end. It passes when `problems` is empty. */
export interface CaseResult extends Comparison {
  readonly component: string;
  readonly name: string;
}
