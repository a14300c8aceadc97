/**
 * What a video asks of a GPU's memory, and the plan for it or the refusal, before anything of it is taken.
 * docs/decisions/0022-memory-plan.md
 * @module
 */
import { MemoryShortageError, RequestError } from "../errors.ts";
import type { ResolvedSettings } from "../request.ts";
import type { CardMemory, MemoryWishes, PlanAbilities, WeightPrecision, WorkShape } from "./memory_plan.ts";
import type { ModelSizes } from "./model_sizes.ts";
import type { AnsweredQuestion } from "./plan_holds.ts";
import { planMemory, sectionOf } from "./plan_memory.ts";
import { refusalWords } from "./plan_words.ts";

/** What this engine can do for room and for speed: everything that can be planned. */
export const engineAbilities: PlanAbilities = { decode: ["between", "overlapped"] };

/** Of a request, what its memory depends on. */
export type PlannedSettings = Pick<ResolvedSettings, "widthPx" | "heightPx" | "windowLatentFrames" | "steps" | "cfg">;

/** What a set of adapters (LoRA) needs besides the base. */
export interface AdapterWork {
  /** Some are merged into graphs outside of the blocks, or may be; of blocks, those of the base and of the set take turns. */
  readonly isMerged: boolean;
  /** Those beside the blocks' matrices. */
  readonly sideBytes: number;
}

/** Graphs that hold an adapted weight are there twice, those of the base and their own. */
export function workOf(
  { widthPx, heightPx, windowLatentFrames, steps, cfg }: PlannedSettings,
  { transformer }: Pick<ModelSizes, "transformer">,
  { isMerged, sideBytes }: AdapterWork = { isMerged: false, sideBytes: 0 },
): WorkShape {
  return {
    section: sectionOf({ widthPx, heightPx }, windowLatentFrames),
    preparedSteps: cfg === 1 ? steps : 2 * steps,
    adapterBytes: isMerged ? transformer.conditioningBytes + transformer.embeddingBytes : 0,
    sideBytes,
  };
}

/**
 * @param wishes what the user of the program decided
 * @throws MemoryShortageError with what is missing and what fits; RequestError when more blocks are to be streamed than
 *   there are
 */
export function planFor(
  work: WorkShape,
  { card, model, wishes, margin }: {
    readonly card: CardMemory;
    readonly model: ModelSizes;
    readonly wishes?: MemoryWishes | undefined;
    readonly margin?: number | undefined;
  },
): AnsweredQuestion {
  const question = {
    ...{ card, model, work, precision: precisionOf(model), abilities: engineAbilities } as const,
    ...(wishes ? { wishes } : {}),
    ...(margin === undefined ? {} : { margin }),
  };
  const plan = answerOf(question);
  if (plan.kind === "planned") return { question, plan };
  const { neededBytes, limitBytes, missingBytes, fittingSize } = plan;
  const [, height, width] = work.section.window;
  // Other precisions than the file's cannot be asked for, so none is proposed.
  const words = refusalWords({ ...plan, fittingPrecision: null }, {
    widthPx: 8 * width,
    heightPx: 8 * height,
    precision: question.precision,
  });
  throw new MemoryShortageError(words, { neededBytes, limitBytes, missingBytes, fittingSize });
}

/** Blocks are kept as the file has them: in 4 bits, in 8, or in 16. */
const precisionOf = ({ transformer: { bytesPerNumber } }: ModelSizes): WeightPrecision =>
  bytesPerNumber === 0.5 ? "int4" : bytesPerNumber === 1 ? "fp8" : "bf16";

function answerOf(question: Parameters<typeof planMemory>[0]) {
  try {
    return planMemory(question);
  } catch (cause) {
    if (cause instanceof RangeError) throw new RequestError("model", cause.message, { cause });
    throw cause;
  }
}
