/**
 * Parity: runs this engine's components on the recorded inputs of the published code and compares the outputs.
 * @module
 */
import { basename, dirname } from "node:path";
import { compareCase, type Comparison } from "./compare.ts";
import type { CaseResult, ComponentRunner } from "./component.ts";
import { type GoldenCase, goldenCaseFiles, readGoldenCase } from "./golden_case.ts";
import { imageCases } from "./image_cases.ts";
import { samplingCases } from "./sampling_cases.ts";
import { bfloat16Cases } from "./bfloat16_cases.ts";
import { generationCases } from "./generation_cases.ts";
import { loraCases } from "./lora_cases.ts";
import { sectionCases } from "./section_cases.ts";
import { textCases } from "./text_cases.ts";
import { transformerCases } from "./transformer_cases.ts";
import { vaeCases } from "./vae_cases.ts";

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

export interface ParityOptions {
  /** Only these components. @default all */
  readonly components?: readonly string[];
  /** @default `models` in the golden folder */
  readonly modelsDir?: string;
}

/** Runs every case of a golden folder, one at a time, in the order of their names. A case that cannot be read fails. */
export async function* runParity(
  dir: string,
  { components, modelsDir = `${dir}/models` }: ParityOptions = {},
): AsyncGenerator<CaseResult> {
  for await (const file of goldenCaseFiles(dir, components)) {
    try {
      yield await runCase(await readGoldenCase(file, modelsDir));
    } catch (error) {
      yield { component: basename(dirname(file)), name: basename(file, ".json"), ...failure(error) };
    }
  }
}

/** Runs one case. What its component throws is why it fails. */
export async function runCase(golden: GoldenCase): Promise<CaseResult> {
  const { component, name } = golden;
  const runner = runners[component];
  try {
    if (runner === undefined) throw new RangeError(`Nothing here computes the component "${component}"`);
    return { component, name, ...compareCase(golden, await runner(golden)) };
  } catch (error) {
    return { component, name, ...failure(error) };
  }
}

function failure(error: unknown): Comparison {
  const problem = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return { problems: [problem], maxDifference: NaN, tolerance: 0 };
}

export type { CaseOutputs } from "./compare.ts";
export type { CaseResult, ComponentRunner } from "./component.ts";
export { type GoldenCase, goldenCaseFiles, type GoldenTensor, readGoldenCase } from "./golden_case.ts";
export { printParity } from "./print.ts";
