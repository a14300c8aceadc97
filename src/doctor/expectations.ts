/**
 * What a model will take of a GPU, by size and precision, before anything is tried.
 * @module
 */
import {
  engineAbilities,
  gigabytes,
  leastBytes,
  type MemoryPlan,
  type MemoryQuestion,
  type MemoryRefusal,
  type MemoryWishes,
  type ModelSizes,
  planMemory,
  planWords,
  precisionNames,
  refusalWords,
  type WeightPrecision,
  workOf,
} from "../engine/memory/mod.ts";
import type { Gpu } from "../nvidia_smi.ts";

type Answer = MemoryPlan | MemoryRefusal;

/** One size in one precision. */
export interface MemoryExpectation {
  readonly widthPx: number;
  readonly heightPx: number;
  readonly precision: WeightPrecision;
  /** On the GPU that was asked about; null without one. */
  readonly answer: Answer | null;
  /** The least free VRAM that is enough, with all blocks streamed and everything given up for room. */
  readonly leastBytes: number;
  /** The least with which no block is streamed. */
  readonly unstreamedBytes: number;
}

/** The squarest published size first. */
const sizes = [[640, 608], [384, 640], [320, 576], [256, 256], [1024, 1024]] as const;
const publishedSteps = 25;
const precisions = Object.keys(precisionNames) as WeightPrecision[];

export interface Expectation {
  readonly model: ModelSizes;
  readonly wishes: MemoryWishes;
  readonly windowLatentFrames: number;
}

export function memoryExpectations(expectation: Expectation, gpu: Gpu | undefined): MemoryExpectation[] {
  return sizes.flatMap(([widthPx, heightPx]) =>
    precisions.map((precision) => {
      const question = questionOf(expectation, { widthPx, heightPx, precision });
      const { reserveBytes } = expectation.wishes;
      return {
        ...{ widthPx, heightPx, precision },
        answer: gpu?.memory ? planMemory({ ...question, card: gpu.memory }) : null,
        leastBytes: leastFreeBytes({ ...question, wishes: { reserveBytes } }),
        unstreamedBytes: leastFreeBytes({ ...question, wishes: { reserveBytes, streamedBlocks: 0 } }),
      };
    })
  );
}

function questionOf(
  { model, wishes, windowLatentFrames }: Expectation,
  { precision, ...size }: Pick<MemoryExpectation, "widthPx" | "heightPx" | "precision">,
): Omit<MemoryQuestion, "card"> {
  const work = workOf({ ...size, windowLatentFrames, steps: publishedSteps, cfg: 1 }, model);
  return { model, wishes, precision, work, abilities: engineAbilities };
}

function leastFreeBytes(question: Omit<MemoryQuestion, "card">): number {
  return leastBytes(question) + (question.wishes?.reserveBytes ?? 0);
}

/** A table: one line per size, one column per precision. */
export function expectationLines(expectations: readonly MemoryExpectation[]): string[] {
  const rows = [
    ["", ...precisions.map((precision) => precisionNames[precision])],
    ...sizes.map(([widthPx, heightPx]) => [
      `${widthPx} × ${heightPx}`,
      ...expectations.filter((one) => one.widthPx === widthPx && one.heightPx === heightPx).map(cell),
    ]),
  ];
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const lines = rows.map((row) => row.map((text, column) => text.padEnd(widths[column]!)).join("   ").trimEnd());
  const isRepeated = new Set(rows.map((row) => row.slice(1).join())).size < rows.length;
  return isRepeated
    ? [...lines, "Sizes with equal numbers are bound by the text encoder, or by the decoder, which works in tiles."]
    : lines;
}

function cell({ answer, leastBytes, unstreamedBytes }: MemoryExpectation): string {
  if (answer === null) return `${gigabytes(leastBytes)} GB, unstreamed ${gigabytes(unstreamedBytes)}`;
  if (answer.kind === "refused") return `does not fit, ${gigabytes(answer.missingBytes, Math.ceil)} GB missing`;
  const streamed = answer.dual.streamed.length + answer.single.streamed.length;
  const blocks = streamed + answer.dual.resident.length + answer.single.resident.length;
  return `${gigabytes(answer.peakBytes)} GB${streamed > 0 ? `, ${streamed} of ${blocks} blocks streamed` : ""}`;
}

/** The plan of the first size in the first precision, in sentences. */
export function planSentences([first]: readonly MemoryExpectation[]): string[] {
  if (!first?.answer) return [];
  return first.answer.kind === "planned" ? planWords(first.answer) : [refusalWords(first.answer, first)];
}
