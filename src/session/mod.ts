/**
 * Sessions: what somebody asked for, from the queue to the file. The only place that knows engine and stream.
 * @module
 */
export { demandOf, endStrengthChoice, generationSettings, loraChoices, startChoice } from "../engine/mod.ts";
export { imageLimits } from "../image.ts";
export { Device, type EngineOnDevice } from "./device.ts";
export { problemOf, Refusal } from "./errors.ts";
export type { SessionFiles } from "./files.ts";
export type { LiveTotals } from "./figures.ts";
export { Histogram, type HistogramCounts } from "./histogram.ts";
export { Models, type ModelsOptions } from "./models.ts";
export { type Problem, problem, type ProblemKind, problemKinds } from "./problem.ts";
export { type NewSession, Sessions, type SessionsOptions } from "./sessions.ts";
export type { Stage, Watchable } from "./stage.ts";
export type { Status } from "./status.ts";
export { SessionStore, StoreOpenError } from "./store.ts";
export type { RenditionCounts, View, ViewChoice } from "../stream/mod.ts";
export type { Channels } from "./channels.ts";
export * from "./view.ts";
