/**
 * What a session is made from.
 * @module
 */
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
