/**
 * Points that a video goes on from when its server or its engine died: the newest two, since a section may be decoded while the next one
 * has been sampled already.
 * @module
 */
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { ResumePoint } from "../engine/mod.ts";
import type { Log } from "../log.ts";
import type { SessionFolder } from "./folder.ts";
import type { SessionOrder } from "./order.ts";

const fileOf = ({ points }: SessionFolder, section: number) => join(points, `${section}`);

/** Without it the video cannot be gone on with after a crash, which is no reason to end it: what is wrong is logged. */
export async function keepPoint(
  { id, folder }: Pick<SessionOrder, "id" | "folder">,
  { section, history }: ResumePoint,
  log: Log,
): Promise<void> {
  const file = fileOf(folder, section);
  try {
    await mkdir(folder.points, { recursive: true });
    await writeFile(`${file}.part`, history);
    await rename(`${file}.part`, file); // whole or not at all
    await rm(fileOf(folder, section - 2), { force: true });
  } catch (error) {
    log.warn("point.lost", { id, section, error });
  }
}

/**
 * Takes the point after a section away: an attempt to go on that kills the server again must not be repeated for ever. Null
 * where there is none.
 */
export async function takePoint(folder: SessionFolder, section: number): Promise<ResumePoint | null> {
  const point = await readPoint(folder, section);
  await rm(fileOf(folder, section), { force: true });
  return point;
}

/** Null where there is none. */
export async function readPoint(folder: SessionFolder, section: number): Promise<ResumePoint | null> {
  try {
    return { section, history: await readFile(fileOf(folder, section)) };
  } catch {
    return null;
  }
}

export async function forgetPoints({ points }: SessionFolder): Promise<void> {
  await rm(points, { recursive: true, force: true });
}
