/**
 * The hub's cache on disk, in the layout that Hugging Face's own programs share. What they fetched is found here, and what
 * is fetched here is found by them.
 *
 *     models--OWNER--NAME/blobs/HASH                      the bytes, once
 *     models--OWNER--NAME/blobs/HASH.incomplete           as far as they have come
 *     models--OWNER--NAME/refs/REVISION                   the commit that a branch or tag was
 *     models--OWNER--NAME/snapshots/COMMIT/PATH           a relative link to a blob
 *     .locks/models--OWNER--NAME/HASH.lock                held (flock) while a blob is fetched
 *
 * Source: huggingface_hub, `file_download.py`, and its guide "Understand caching".
 * @module
 */
import { lstat, mkdir, readdir, readFile, readlink, rename, stat, symlink, unlink, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { writing } from "./disk.ts";
import type { HubFile } from "./hub.ts";
import { patient } from "./patience.ts";

/** One repository's place in the cache. */
export class RepoCache {
  readonly folder: string;
  readonly #locks: string;

  /** @param repo `OWNER/NAME` */
  constructor(cacheDir: string, repo: string) {
    const name = `models--${repo.replaceAll("/", "--")}`;
    this.folder = join(cacheDir, name);
    this.#locks = join(cacheDir, ".locks", name);
  }

  blobPath({ digest }: HubFile): string {
    return join(this.folder, "blobs", digest.hex);
  }

  /** Bytes of a file that are here: all of them, as many as came before a cut, or 0. */
  async presentBytes(file: HubFile): Promise<number> {
    if (await this.has(file)) return file.sizeBytes;
    return Math.min(await sizeOf(`${this.blobPath(file)}.incomplete`) ?? 0, file.sizeBytes);
  }

  /** Where links are not possible (Windows), the bytes lie in the snapshot itself. */
  async has(file: HubFile): Promise<boolean> {
    return await this.hasBlob(file) || await sizeOf(this.snapshotPath(file.commit, file.path)) === file.sizeBytes;
  }

  async hasBlob(file: HubFile): Promise<boolean> {
    return await sizeOf(this.blobPath(file)) === file.sizeBytes;
  }

  snapshotPath(commit: string, path: string): string {
    return join(this.folder, "snapshots", commit, ...path.split("/"));
  }

  /** Names of the whole files right in a folder of a snapshot; a link whose blob is gone does not count. */
  async namesIn(commit: string, folder: string): Promise<string[]> {
    const path = folder ? this.snapshotPath(commit, folder) : join(this.folder, "snapshots", commit);
    const names = await readdir(path).catch(() => []);
    const sizes = await Promise.all(names.map((name) => sizeOf(join(path, name))));
    return names.filter((_, n) => sizes[n] !== undefined);
  }

  /** The commit that a revision was when it was last fetched. */
  async commitOf(revision: string): Promise<string | undefined> {
    if (/^[0-9a-f]{40}$/.test(revision)) return revision;
    const text = await readFile(join(this.folder, "refs", revision), "utf8").catch(() => "");
    return /^[0-9a-f]{40}$/.test(text.trim()) ? text.trim() : undefined;
  }

  /** Puts a blob that is here into its snapshot. Nothing is written where all is as it should be. */
  async link(file: HubFile): Promise<string> {
    const path = this.snapshotPath(file.commit, file.path);
    const target = relative(dirname(path), this.blobPath(file));
    if (await sizeOf(path) === file.sizeBytes) return path;
    await writing(path, async () => {
      await mkdir(dirname(path), { recursive: true });
      await replaceByLink(target, path);
    });
    return path;
  }

  async setCommit(revision: string, commit: string): Promise<void> {
    if (await this.commitOf(revision) === commit) return;
    const path = join(this.folder, "refs", revision);
    await writing(path, async () => {
      await mkdir(dirname(path), { recursive: true });
      const next = `${path}.${crypto.randomUUID().slice(0, 8)}.tmp`;
      await writeFile(next, commit);
      await rename(next, path);
    });
  }

  /**
   * Waits until no other program fetches this blob, and says so when that takes time.
   * @throws `HubError`; the signal's reason
   */
  async *lock({ digest }: HubFile, signal: AbortSignal): AsyncGenerator<{ readonly kind: "waiting" }, Disposable> {
    const path = join(this.#locks, `${digest.hex}.lock`);
    const file = await writing(path, async () => {
      await mkdir(dirname(path), { recursive: true });
      // As huggingface_hub makes them: people who share a cache wait for each other's locks.
      return await Deno.open(path, { create: true, write: true, mode: 0o664 });
    });
    let isHeld = false;
    try {
      for (let tries = 0; !await tryLock(file); tries++) {
        if (tries === 0) yield { kind: "waiting" };
        await patient.pause(lockPollMs, signal);
      }
      isHeld = true;
    } finally {
      if (!isHeld) file.close();
    }
    return { [Symbol.dispose]: () => file.close() };
  }
}

const lockPollMs = 200;

/** Some network file systems have no locks; then two programs may fetch the same bytes, which harms none. */
function tryLock(file: Deno.FsFile): Promise<boolean> {
  return file.tryLock(true).catch(() => true);
}

/** A link in the place of one that is there already. Anything else that is there stays, and is an error. */
export async function replaceByLink(target: string, path: string): Promise<void> {
  const there = await lstat(path).catch(() => null);
  if (there?.isSymbolicLink() && await readlink(path) === target) return;
  if (there?.isSymbolicLink()) await unlink(path);
  await symlink(target, path);
}

async function sizeOf(path: string): Promise<number | undefined> {
  const info = await stat(path).catch(() => null);
  return info?.isFile() ? info.size : undefined;
}
