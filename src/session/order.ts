/**
 * What a session is made from.
 * @module
 */
import { changedAfter } from "../engine/mod.ts";
import type { VideoPlan } from "../video.ts";
import type { SessionFolder } from "./folder.ts";
import type { SessionView } from "./view.ts";

/** What was asked for and where its files go. */
export interface SessionOrder {
  readonly id: string;
  readonly createdAtMs: number;
  readonly settings: SessionView["settings"];
  /** The channel that shows it, besides `latest`; null for none. */
  readonly channel: string | null;
  readonly plan: VideoPlan;
  readonly folder: SessionFolder;
}

/** The order of a video that goes on under another prompt after as many sections as are made. */
export function withPrompt(prompt: string, order: SessionOrder, made: number): SessionOrder {
  const { settings, plan } = order;
  return { ...order, settings: { ...settings, ...changedAfter(made, prompt, settings, plan.sections) } };
}

/** What changes of its settings with the prompt. */
export function promptsOf({ settings: { prompt, promptChanges } }: SessionOrder) {
  return { prompt, promptChanges };
}
