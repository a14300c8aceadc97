/**
 * The memory planner: from a card, a model and a picture size to what lies where. Pure: the same question has the same
 * answer, and the length of a video is no part of it.
 *
 * Everything else gives way before a block is streamed, since a streamed block is copied again in every step: encoders and
 * what is needed once leave the card, decoding moves between the sections, MLPs are cut. Then as few blocks as
 * possible are streamed, single-stream ones first, whose slots are half as large as the others'.
 * docs/decisions/0022-memory-plan.md
 * @module
 */
import { historyGroups, nearestSize, type PictureSize, sizesOfResolution } from "../sampling/mod.ts";
import type { SectionShape } from "../transformer_graphs.ts";
import type {
  BlockPlaces,
  MemoryPlan,
  MemoryQuestion,
  MemoryRefusal,
  Phase,
  PhaseMemory,
  WeightPrecision,
} from "./memory_plan.ts";
import {
  type BlockMemory,
  blockMemory,
  type Comfort,
  type ComfortMemory,
  comfortMemory,
  cudaStartBytes,
  decodedPiece,
  phasesOf,
  workingMargins,
} from "./phases.ts";
import { mlpChunksOfUse } from "./working_memory.ts";

/** Left for other programs: a desktop's windows grow while a video is made. Chosen, not measured. */
export const reserveBytes = 256 * 2 ** 20;

/** @throws RangeError when the wishes name more streamed blocks than there are */
export function planMemory(question: MemoryQuestion): MemoryPlan | MemoryRefusal {
  const limitBytes = limitOf(question);
  for (const candidate of candidates(question)) {
    if (candidate.peakBytes <= limitBytes) return planOf(question, candidate, limitBytes);
  }
  return refusalOf(question, limitBytes);
}

/** What the smallest plan takes, in bytes: what a card with nothing free is refused with. */
export function leastBytes(question: Omit<MemoryQuestion, "card">): number {
  const answer = planMemory({ ...question, card: { totalBytes: 0, freeBytes: 0 } });
  if (answer.kind === "planned") throw new RangeError("A plan was made for a card without memory");
  return answer.neededBytes;
}

/** What may be used: not what is left to others, and not more than the user allows. */
function limitOf({ card, wishes }: MemoryQuestion): number {
  const { limitBytes = Infinity, reserveBytes: reserved = reserveBytes } = wishes ?? {};
  return Math.max(0, Math.min(card.freeBytes - reserved, limitBytes));
}

/** One way to place a model, and what it takes. */
interface Candidate {
  readonly blocks: BlockMemory;
  readonly comfort: Comfort;
  readonly memory: ComfortMemory;
  readonly phases: Readonly<Record<Phase, PhaseMemory>>;
  readonly residentBytes: number;
  readonly arenaBytes: number;
  readonly peakBytes: number;
}

const cudaBytesOf = ({ card }: MemoryQuestion): number => card.cudaBytes ?? cudaStartBytes;

/** In the order of preference: fewest streamed blocks, then the tiles one should have, then the most comfort. */
function* candidates(question: MemoryQuestion): Generator<Candidate> {
  const choices = comforts(question).map((comfort) => ({ comfort, memory: comfortMemory(question, comfort) }));
  for (const blocks of blockPlacements(question)) {
    for (const { comfort, memory } of choices) {
      const phases = phasesOf(comfort, memory);
      const arenaBytes = Math.max(...Object.values(phases).map((phase) => phase.arenaBytes));
      const residentBytes = blocks.residentBytes + memory.residentBytes;
      const peakBytes = cudaBytesOf(question) + residentBytes + 2 * blocks.slotBytes + arenaBytes;
      yield { blocks, comfort, memory, phases, residentBytes, arenaBytes, peakBytes };
    }
  }
}

function* blockPlacements(question: MemoryQuestion): Generator<BlockMemory> {
  const { dual, single } = question.model.transformer;
  const blocks = dual.length + single.length;
  const wish = question.wishes?.streamedBlocks;
  if (wish !== undefined && !(wish >= 0 && wish <= blocks)) {
    throw new RangeError(`Cannot stream ${wish} blocks: the transformer has ${blocks}`);
  }
  for (let streamed = wish ?? 0; streamed <= (wish ?? blocks); streamed++) {
    const ofSingle = Math.min(streamed, single.length);
    yield blockMemory(question, {
      dual: spread(dual.length, streamed - ofSingle),
      single: spread(single.length, ofSingle),
    });
  }
}

/** As evenly as possible, so that a copy has the blocks between two streamed ones to hide under. */
function spread(blocks: number, streamed: number): BlockPlaces {
  const chosen = new Set(Array.from({ length: streamed }, (_, i) => Math.floor((i + 0.5) * blocks / streamed)));
  const indices = Array.from({ length: blocks }, (_, index) => index);
  return {
    resident: indices.filter((index) => !chosen.has(index)),
    streamed: indices.filter((index) => chosen.has(index)),
  };
}

/**
 * From the most to the least. First goes what is needed once per session, largest first, then what helps once per section:
 * the decoding beside the sampling, for which as much of the former comes back as has room then.
 */
function comforts(question: MemoryQuestion): Comfort[] {
  const { abilities = { decode: ["between", "overlapped"] } } = question;
  const levels = (["overlapped", "between"] as const).filter((decode) => abilities.decode.includes(decode))
    .flatMap((decode) => less({ ...most, decode }, neededOnce));
  const least = less(levels.at(-1)!, [{ vae: "loaded" }, { mlpChunks: mlpChunksOfUse }]);
  const all = [...levels, ...least.slice(1)];
  return tileChoices(question).flatMap((spatialTiles) => all.map((level) => ({ ...level, spatialTiles })));
}

type Level = Omit<Comfort, "spatialTiles">;

const most: Omit<Level, "decode"> = {
  llama: "resident",
  smallEncoders: "resident",
  conditioning: "resident",
  vae: "resident",
  mlpChunks: 1,
};

const neededOnce: readonly Partial<Level>[] = [
  { llama: "loaded" },
  { llama: "streamed" },
  { smallEncoders: "loaded" },
  { conditioning: "loaded" },
];

/** A level, then one with each change more. */
function less(level: Level, changes: readonly Partial<Level>[]): Level[] {
  const levels = [level];
  for (const change of changes) levels.push({ ...levels.at(-1)!, ...change });
  return levels;
}

const wholePicturesAboveBytes = 60e9;

function tileChoices(question: MemoryQuestion): readonly Comfort["spatialTiles"][] {
  const { spatialTiles, limitBytes = Infinity } = question.wishes ?? {};
  if (spatialTiles) return [spatialTiles];
  return Math.min(question.card.freeBytes, limitBytes) > wholePicturesAboveBytes ? ["whole", "tiled"] : ["tiled"];
}

function planOf(question: MemoryQuestion, candidate: Candidate, limitBytes: number): MemoryPlan {
  const { blocks, memory, phases, residentBytes, arenaBytes, peakBytes } = candidate;
  const { spatialTiles, decode, vae, ...places } = candidate.comfort;
  const [latentFrames, height, width] = decodedPiece(question.work, spatialTiles);
  return {
    kind: "planned",
    precision: question.precision,
    ...places,
    modulation: "precomputed",
    dual: blocks.dual,
    single: blocks.single,
    staging: { slots: 2, slotBytes: blocks.slotBytes },
    vae: {
      place: vae,
      spatialTiles,
      tile: { latentFrames, widthPx: 8 * width, heightPx: 8 * height },
      lanes: 1,
      decode,
    },
    cudaBytes: cudaBytesOf(question),
    residentBytes,
    residentInputsBytes: blocks.residentBytes + memory.vaeBytes + (question.work.sideBytes ?? 0),
    arenaBytes,
    phases,
    peakBytes,
    limitBytes,
    host: {
      pinnedBytes: 2 * Math.max(blocks.largestBlockBytes, memory.preparing.slotBytes),
      packedBytes: isPrecisionOfFile(question) ? 0 : blocks.streamedBytes,
    },
    margin: question.margin ?? workingMargins[0],
  };
}

const isPrecisionOfFile = ({ precision, model }: MemoryQuestion) =>
  model.transformer.bytesPerNumber === { bf16: 2, fp8: 1, int4: 0.5 }[precision];

/** From the most exact. */
const precisions: readonly WeightPrecision[] = ["bf16", "fp8", "int4"];

function refusalOf(question: MemoryQuestion, limitBytes: number): MemoryRefusal {
  const { phases, arenaBytes, peakBytes } = smallest(question);
  const coarser = precisions.slice(precisions.indexOf(question.precision) + 1);
  return {
    kind: "refused",
    phase: (Object.keys(phases) as Phase[]).find((phase) => phases[phase].arenaBytes === arenaBytes)!,
    neededBytes: peakBytes,
    limitBytes,
    missingBytes: peakBytes - limitBytes,
    fittingSize: smallerSizes(question).find((size) => fits(withSize(question, size))) ?? null,
    fittingPrecision: coarser.find((precision) => fits({ ...question, precision })) ?? null,
  };
}

const smallest = (question: MemoryQuestion): Candidate =>
  candidates(question).reduce((least, next) => next.peakBytes < least.peakBytes ? next : least);

const fits = (question: MemoryQuestion): boolean => smallest(question).peakBytes <= limitOf(question);

/** Of about the same shape, largest first. */
function smallerSizes({ work: { section: { window: [, height, width] } } }: MemoryQuestion): PictureSize[] {
  const asked = { widthPx: 8 * width, heightPx: 8 * height };
  const [sideStepPx, leastSidePx] = [32, 128];
  const sides = Math.floor((Math.sqrt(asked.widthPx * asked.heightPx) - leastSidePx) / sideStepPx);
  return Array.from({ length: Math.max(0, sides + 1) }, (_, step) => leastSidePx + (sides - step) * sideStepPx)
    .map((side) => nearestSize(asked, sizesOfResolution(side)));
}

function withSize(question: MemoryQuestion, size: PictureSize): MemoryQuestion {
  return { ...question, work: { ...question.work, section: sectionOf(size, question.work.section.window[0]) } };
}

/** What every section of a video is for the transformer, the first one's history of zeros included. */
export function sectionOf({ widthPx, heightPx }: PictureSize, windowLatentFrames = 9): SectionShape {
  const { clean1x, clean2x, clean4x } = historyGroups;
  return {
    window: [windowLatentFrames, heightPx / 8, widthPx / 8],
    history: { "1x": 1 + clean1x, "2x": clean2x, "4x": clean4x },
  };
}
