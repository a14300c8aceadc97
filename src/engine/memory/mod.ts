/**
 * What lies where in the memory of a GPU.
 * @module
 */
export { readModelSizes } from "./folder_sizes.ts";
export type * from "./memory_plan.ts";
export { isOfBlocks, type ModelSizes, type TensorList } from "./model_sizes.ts";
export { inPages, workingMargins } from "./phases.ts";
export { type AnsweredQuestion, planHolds } from "./plan_holds.ts";
export { leastBytes, planMemory, sectionOf } from "./plan_memory.ts";
export { gigabytes, planWords, precisionNames, refusalWords } from "./plan_words.ts";
export { type AdapterWork, engineAbilities, planFor, type PlannedSettings, workOf } from "./request_memory.ts";
export { publishedSizes } from "./published_sizes.ts";
