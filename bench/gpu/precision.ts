/**
 * What coarser weights cost and save: one forward pass with each, against the first.
 * @module
 */
import { distanceBetween } from "../../src/engine/parity/distance.ts";
import { type Measurement, median } from "../figure.ts";
import {
  allResident,
  type Bench,
  forwardPasses,
  openTransformer,
  peakMemory,
  randomWeights,
  releaseWorkingMemory,
} from "./bench.ts";
import { inEachPrecision } from "./precisions.ts";

export async function* precision(bench: Bench): AsyncGenerator<Measurement> {
  let first: Passes & { readonly name: string } | undefined;
  yield* inEachPrecision(bench.folder, async function* (name, folder) {
    const passes = await measuredPasses(bench, folder);
    if (first) yield* compared({ name, ...passes }, first);
    else yield memoryOf(name, passes);
    first ??= { name, ...passes };
  });
}

interface Passes {
  readonly velocity: Float32Array;
  readonly seconds: readonly number[];
  readonly memoryBytes: number;
}

async function measuredPasses(bench: Bench, folder: string): Promise<Passes> {
  releaseWorkingMemory(bench);
  const { result, peakBytes, beforeBytes } = await peakMemory(bench, async () => {
    await using loaded = await openTransformer(bench, allResident, { folder });
    return await forwardPasses(loaded, bench.rounds);
  });
  return { ...result, memoryBytes: peakBytes - beforeBytes };
}

function* compared(
  { name, ...own }: Passes & { readonly name: string },
  { name: others, ...first }: Passes & { readonly name: string },
): Generator<Measurement> {
  const distance = distanceBetween(own.velocity, first.velocity);
  yield {
    figure: `forward pass, ${name} against ${others}: relative distance of the velocity`,
    value: distance.rel_l2,
    unit: "",
    detail: { distance, weights: randomWeights },
  };
  yield {
    figure: `forward pass, ${name} against ${others}: time`,
    value: median(own.seconds) / median(first.seconds),
    unit: "×",
    detail: { seconds: { [name]: own.seconds, [others]: first.seconds } },
  };
  yield memoryOf(name, own);
}

const memoryOf = (name: string, { memoryBytes, seconds }: Passes): Measurement => ({
  figure: `forward pass, ${name}: video memory`,
  value: memoryBytes / 1e9,
  unit: "GB",
  detail: { seconds },
});
