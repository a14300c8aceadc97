/**
 * What a server that starts does with the sessions an earlier one left: who waited waits again, who ran goes on after its last
 * finished section, or has failed with what was made.
 * @module
 */
import type { Log } from "../log.ts";
import { EventLog } from "./event_log.ts";
import { folderOf, type SessionFolder, tidyFolder } from "./folder.ts";
import { existing } from "./frame_map.ts";
import type { Gallery } from "./gallery.ts";
import type { SessionOrder } from "./order.ts";
import type { Pictures, StreamTools } from "./pictures.ts";
import { afterCrash, orderOf, placeholderOf, planOf, salvage } from "./restart.ts";
import { takePoint } from "./resume_points.ts";
import type { SessionStore } from "./store.ts";
import type { EarlierSession } from "./surroundings.ts";
import type { SessionView } from "./view.ts";

export interface RevivalOptions {
  readonly dataDir: string;
  readonly store: SessionStore;
  readonly tools: StreamTools;
  readonly log: Log;
  readonly now: () => number;
  readonly gallery: Pick<Gallery, "open">;
  /** Has it wait for its turn. */
  readonly enqueue: (order: SessionOrder, pictures: Pictures, earlier: EarlierSession) => void;
}

/** @param view as it stands in the store */
export async function revive(view: SessionView, options: RevivalOptions): Promise<void> {
  const folder = folderOf(options.dataDir, view.id);
  const isUnfinished = view.state === "queued" || view.state === "running";
  if (isUnfinished && await goOn(view, folder, options)) return;
  if (view.state === "running") await bury(view, folder, options);
  await tidyFolder(folder);
  if (view.state === "queued") await requeue(view, folder, options);
}

/** Goes on with a video of which sections are made, if all that takes is there. */
async function goOn(view: SessionView, folder: SessionFolder, options: RevivalOptions): Promise<boolean> {
  const { store, gallery, log, enqueue } = options;
  const [sections, plan] = [view.timings.sections.length, planOf(view)];
  const point = sections < plan.sections.length ? await takePoint(folder, sections) : null;
  if (point === null) return false;
  try {
    const placeholder = await placeholderOf(folder, plan);
    const pictures = await gallery.open(view.id, plan, placeholder, existing(view.frameMap));
    enqueue(orderOf(view, folder), pictures, { log: new EventLog(store.events(view.id)), made: { view, point } });
    return true;
  } catch (error) {
    log.error("session.notGoneOn", { id: view.id, error });
    return false;
  }
}

async function requeue(view: SessionView, folder: SessionFolder, options: RevivalOptions): Promise<void> {
  const { store, gallery, enqueue } = options;
  const plan = planOf(view);
  const pictures = await gallery.open(view.id, plan, await placeholderOf(folder, plan));
  enqueue(orderOf(view, folder), pictures, { log: new EventLog(store.events(view.id)) });
}

async function bury(view: SessionView, folder: SessionFolder, options: RevivalOptions): Promise<void> {
  const { store, now } = options;
  const dead = afterCrash(view, await salvage(view, folder, options), now());
  const log = new EventLog(store.events(view.id));
  store.save(dead);
  if (dead.problem) store.appendEvent(view.id, log.append({ event: "problem", data: dead.problem }));
  store.appendEvent(view.id, log.append({ event: "state", data: dead }));
}
