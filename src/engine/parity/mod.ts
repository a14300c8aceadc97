/**
 * Parity: runs this engine's components on the recorded inputs of the published code and compares the outputs.
 * @module
 */
import { type CaseOutputs, compareCase, type Comparison } from "./compare.ts";
import { type GoldenCase, goldenCases, type GoldenOptions } from "./golden_case.ts";
import { imageCases } from "./image_cases.ts";
import { samplingCases } from "./sampling_cases.ts";
import { bfloat16Cases } from "./bfloat16_cases.ts";
import { generationCases } from "./generation_cases.ts";
import { loraCases } from "./lora_cases.ts";
import { sectionCases } from "./section_cases.ts";
import { textCases } from "./text_cases.ts";
import { transformerCases } from "./transformer_cases.ts";
import { vaeCases } from "./vae_cases.ts";

/** Computes one case from its inputs and parameters alone. */
export type ComponentRunner = (golden: GoldenCase) => Promise<CaseOutputs>;

/** Every component of the golden folder; a component without a runner fails. One line per group. */
const runners: Readonly<Record<string, ComponentRunner>> = {
  ...samplingCases,
  ...textCases,
  ...imageCases,
  ...transformerCases,
  ...vaeCases,
  ...sectionCases,
  ...loraCases,
  ...bfloat16Cases,
  ...generationCases,
};

/** One case's end. It passes when `problems` is empty. */
export interface CaseResult extends Comparison {
  readonly component: string;
  readonly name: string;
}

/** Runs every case of a golden folder, one at a time, in the order of their names. */
export async function* runParity(dir: string, options: GoldenOptions = {}): AsyncGenerator<CaseResult> {
  for await (const golden of goldenCases(dir, options)) yield await runCase(golden);
}

/** Runs one case. Never throws: what a component throws is why its case fails. */
export async function runCase(golden: GoldenCase): Promise<CaseResult> {
  const { component, name } = golden;
  const runner = runners[component];
  const failed = (problem: string) => ({ component, name, problems: [problem], maxDifference: NaN, tolerance: 0 });
  if (runner === undefined) return failed(`nothing here computes the component "${component}"`);
  try {
    return { component, name, ...compareCase(golden, await runner(golden)) };
  } catch (error) {
    return failed(error instanceof Error ? `${error.name}: ${error.message}` : String(error));
  }
}

export type { CaseOutputs } from "./compare.ts";
export { type GoldenCase, goldenCases, type GoldenOptions, type GoldenTensor } from "./golden_case.ts";
export { printParity } from "./print.ts";
