/**
 * Whether a plan that was made for one video is good for another one, too. Pure.
 * @module
 */
import type { MemoryPlan, MemoryQuestion, WorkShape } from "./memory_plan.ts";
import { blockMemory, comfortMemory, phasesOf } from "./phases.ts";
import { planMemory } from "./plan_memory.ts";

/** A plan, and the question that it answers. */
export interface AnsweredQuestion {
  readonly question: MemoryQuestion;
  readonly plan: MemoryPlan;
}

/**
 * Whether other work can be done under a plan as well as under one of its own: its arena is large enough, the tiles are the
 * ones that the work would get anyway (they are part of the result), and no more blocks are streamed than it has to be.
 */
export function planHolds({ question, plan }: AnsweredQuestion, work: WorkShape): boolean {
  const next = { ...question, work };
  const own = planMemory(next);
  return own.kind === "planned" && own.vae.spatialTiles === plan.vae.spatialTiles &&
    streamedBlocks(plan) <= streamedBlocks(own) && isRoomFor(next, plan);
}

/** What is resident may grow up to the limit; the arena has been taken, and stays as it is. */
function isRoomFor(next: MemoryQuestion, plan: MemoryPlan): boolean {
  const { vae: { place, spatialTiles, decode }, llama, smallEncoders, conditioning, mlpChunks } = plan;
  const comfort = { vae: place, spatialTiles, decode, llama, smallEncoders, conditioning, mlpChunks };
  const memory = comfortMemory(next, comfort);
  const arenaBytes = Math.max(...Object.values(phasesOf(comfort, memory)).map((phase) => phase.arenaBytes));
  const { residentBytes, slotBytes } = blockMemory(next, plan);
  const peakBytes = plan.cudaBytes + residentBytes + memory.residentBytes + 2 * slotBytes + plan.arenaBytes;
  return arenaBytes <= plan.arenaBytes && peakBytes <= plan.limitBytes;
}

export const streamedBlocks = ({ dual, single }: Pick<MemoryPlan, "dual" | "single">): number =>
  dual.streamed.length + single.streamed.length;
