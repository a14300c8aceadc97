/**
 * Where a session's files lie: one folder each.
 * @module
 */
import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";

/** Paths of one session's files. */
export interface SessionFolder {
  readonly dir: string;
  /** The start picture as it was uploaded, or a plain one. */
  readonly start: string;
  /** The end picture as it was uploaded, where there is one. */
  readonly end: string;
  /** Raw frames, while they are needed. */
  readonly frames: string;
  readonly video: string;
  /** Folder of single sections, while they are wanted. */
  readonly sections: string;
  /** Folder of points that an interrupted video goes on from. */
  readonly points: string;
}

/** @param id made by this server; never text from outside */
export function folderOf(dataDir: string, id: string): SessionFolder {
  const dir = join(dataDir, "sessions", id);
  return {
    dir,
    start: join(dir, "start"),
    end: join(dir, "end"),
    frames: join(dir, "frames.rgb"),
    video: join(dir, "video.mp4"),
    sections: join(dir, "sections"),
    points: join(dir, "points"),
  };
}

export async function makeFolder(folder: SessionFolder): Promise<void> {
  await mkdir(folder.dir, { recursive: true });
}

export async function removeFolder(folder: SessionFolder): Promise<void> {
  await rm(folder.dir, { recursive: true, force: true });
}

/** Removes what a server that died left behind: raw frames and half-written files. */
export async function tidyFolder(folder: SessionFolder): Promise<void> {
  const keep = [folder.start, folder.end, folder.video];
  for (const name of await readdir(folder.dir).catch(() => [])) {
    const path = join(folder.dir, name);
    if (!keep.includes(path)) await rm(path, { recursive: true, force: true });
  }
}
