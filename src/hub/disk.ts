/**
 * This computer's side: how much fits, and why something could not be written.
 * @module
 */
import { stat, statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { HubError } from "./errors.ts";

/** Bytes that this user may still write to the disk of a folder, which need not be there yet. */
export async function freeBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(await nearestFolder(folder));
  return bavail * bsize;
}

/**
 * Runs something that writes below `path`.
 * @param advice what to do where this user may not write
 * @throws `HubError` in place of the system's errors
 */
export async function writing<T>(
  path: string,
  work: () => Promise<T>,
  advice = "HF_HUB_CACHE names another cache",
): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw await explained(path, cause, advice);
  }
}

/** 12.3 GB, as disks and hubs count. */
export function gigabytes(bytes: number): string {
  return bytes < 1e6
    ? `${Math.ceil(bytes / 1e3)} kB`
    : bytes < 1e9
    ? `${(bytes / 1e6).toFixed(1)} MB`
    : `${(bytes / 1e9).toFixed(2)} GB`;
}

async function explained(path: string, cause: unknown, advice: string): Promise<unknown> {
  const { code, message } = cause as Error & { code?: string };
  const refuse = (why: string) => new HubError("disk", `Cannot write "${path}": ${why}`, { cause });
  if (code === "ENOSPC" || code === "EDQUOT") return refuse("no space is left on the disk; what is there is kept");
  if (code === "EROFS") return refuse(`the disk is read-only; ${advice}`);
  if (code !== "EACCES" && code !== "EPERM") return code ? refuse(message) : cause;
  const folder = await nearestFolder(path);
  const { uid } = await stat(folder);
  const owner = uid === null ? "" : `, which belongs to user id ${uid}`;
  return refuse(`this user may not write into "${folder}"${owner}; ${advice}`);
}

async function nearestFolder(path: string): Promise<string> {
  for (let folder = path;; folder = dirname(folder)) {
    const info = await stat(folder).catch(() => null);
    if (info?.isDirectory() || folder === dirname(folder)) return folder;
  }
}
