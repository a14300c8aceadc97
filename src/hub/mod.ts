/**
 * Models from a Hugging Face hub, into the cache that its own programs share, and from there into a model folder.
 * @module
 */
export { freeBytes, gigabytes, writing } from "./disk.ts";
export { HubError } from "./errors.ts";
export { Bars, Lines } from "./progress.ts";
export { pull, type PullEvent, type PullOptions } from "./pull.ts";
export { type ModelRecipe, parseSource, type PartSource, publishedNames, recipeFor } from "./recipe.ts";
