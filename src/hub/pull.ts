/**
 * Makes a model folder: finds out which files it needs, fetches those that are not here, and links them together.
 * @module
 */
import { resolve } from "node:path";
import { inspectWeights, type PartName, partNames, readManifest, type WeightsReport } from "../engine/mod.ts";
import { RepoCache } from "./cache.ts";
import { freeBytes, gigabytes } from "./disk.ts";
import { download, type DownloadEvent, type Line, nameOf } from "./download.ts";
import { HubError, mayPass } from "./errors.ts";
import { createHub, type HubFile } from "./hub.ts";
import type { HubAddress } from "./hub_fetch.ts";
import { inParallel } from "./in_parallel.ts";
import { type LinkedFile, makeModelFolder } from "./model_folder.ts";
import { type Patience, patient } from "./patience.ts";
import { cacheLibrary, hubLibrary, planModel, type PlannedFile } from "./plan.ts";
import type { ModelRecipe } from "./recipe.ts";

export interface PullOptions extends HubAddress {
  /** Folder of repositories, as `HF_HUB_CACHE` names it. */
  readonly cacheDir: string;
  readonly modelsDir: string;
  /** `offline` takes what the cache has and asks nobody. */
  readonly network: "online" | "offline";
  /** Files at a time. Default 4. */
  readonly parallel?: number;
  /** Default 30 s: how long the hub may be silent. */
  readonly stallMs?: number;
  readonly patience?: Patience;
  /** Bytes free on the disk of a folder. */
  readonly freeBytes?: (folder: string) => Promise<number>;
}

export type PullEvent =
  /** All files of the hub, once, before the first byte. */
  | { readonly kind: "planned"; readonly files: readonly FetchedFile[] }
  | { readonly kind: "file"; readonly file: FetchedFile; readonly event: DownloadEvent }
  /** The hub cannot be asked, and the cache has everything. */
  | { readonly kind: "unasked"; readonly why: string }
  | { readonly kind: "ready"; readonly folder: string; readonly weights: Partial<Record<PartName, WeightsReport>> };

export interface FetchedFile {
  /** `OWNER/NAME/PATH`. */
  readonly name: string;
  readonly sizeBytes: number;
  /** Here before this run. */
  readonly presentBytes: number;
}

/**
 * Ends with the folder ready. Stopped or failed, everything that came stays in the cache, and the next run goes on there.
 * @throws `HubError`, `CheckpointError` for files that are not a model's; the signal's reason
 */
export async function* pull(recipe: ModelRecipe, options: PullOptions, signal: AbortSignal): AsyncGenerator<PullEvent> {
  const { stallMs = 30_000, patience = patient } = options;
  const hub = createHub({ ...options, answerMs: stallMs }, signal);
  const files = yield* plan(recipe, options, { hub, patience }, signal);
  yield* fetchAll(files, options, { hub, stallMs, patience }, signal);
  const linked = await Promise.all(files.map((file) => linkOf(file, options.cacheDir)));
  const weights: Partial<Record<PartName, WeightsReport>> = {};
  const folder = await makeModelFolder(resolve(options.modelsDir), recipe, linked, async (folder) => {
    await readManifest(folder);
    for (const part of partNames) {
      const report = await inspectWeights(folder, part);
      if (report) weights[part] = report;
    }
  });
  yield { kind: "ready", folder, weights };
}

/** Asks the hub; where it may not be asked or cannot be reached, the cache. */
async function* plan(
  recipe: ModelRecipe,
  { cacheDir, network }: PullOptions,
  { hub, patience }: Pick<Line, "hub" | "patience">,
  signal: AbortSignal,
): AsyncGenerator<PullEvent, PlannedFile[]> {
  const fromCache = () => planModel(recipe, cacheLibrary(cacheDir));
  if (network === "offline") return await fromCache().catch(offline);
  // A short answer comes soon or not at all.
  const impatient = { ...patience, retries: Math.min(patience.retries, 2) };
  try {
    return await planModel(recipe, hubLibrary(hub, impatient, signal));
  } catch (error) {
    if (!mayPass(error)) throw error;
    const files = await fromCache().catch(() => Promise.reject(error));
    yield { kind: "unasked", why: error.message };
    return files;
  }
}

function offline(error: unknown): never {
  if (!(error instanceof HubError) || error.reason !== "incomplete") throw error;
  throw new HubError("incomplete", `${error.message}; HF_HUB_OFFLINE is set, so nothing is fetched`, { cause: error });
}

async function* fetchAll(
  planned: readonly PlannedFile[],
  { cacheDir, parallel = 4, freeBytes: free = freeBytes }: PullOptions,
  line: Line,
  signal: AbortSignal,
): AsyncGenerator<PullEvent> {
  const onHub = planned.flatMap(({ from }) => from.kind === "hub" ? [from] : []);
  const described = await Promise.all(onHub.map(async ({ file, revision }) => {
    const cache = new RepoCache(cacheDir, file.repo);
    const presentBytes = await cache.presentBytes(file);
    const isHere = await cache.has(file);
    return {
      cache,
      file,
      revision,
      isHere,
      described: { name: nameOf(file), sizeBytes: file.sizeBytes, presentBytes },
    };
  }));
  yield { kind: "planned", files: described.map(({ described }) => described) };
  const missing = described.filter(({ isHere }) => !isHere);
  await requireSpace(
    missing.map(({ file, described }) => ({ file, presentBytes: described.presentBytes })),
    cacheDir,
    free,
  );
  const jobs = missing.map(({ cache, file, revision, described }) =>
    async function* (signal: AbortSignal): AsyncGenerator<PullEvent> {
      for await (const event of download(file, cache, line, signal)) yield { kind: "file", file: described, event };
      await cache.link(file);
      await cache.setCommit(revision, file.commit);
    }
  );
  yield* inParallel(jobs, parallel, signal);
}

async function requireSpace(
  files: readonly { readonly file: HubFile; readonly presentBytes: number }[],
  cacheDir: string,
  free: (folder: string) => Promise<number>,
): Promise<void> {
  const wanted = new Map(files.map(({ file, presentBytes }) => [file.digest.hex, file.sizeBytes - presentBytes]));
  const neededBytes = [...wanted.values()].reduce((sum, bytes) => sum + bytes, 0);
  if (neededBytes === 0) return;
  const there = await free(cacheDir);
  if (neededBytes <= there) return;
  throw new HubError(
    "disk",
    `Cannot fetch ${gigabytes(neededBytes)} into "${cacheDir}": its disk has ${gigabytes(there)} free; ` +
      "HF_HUB_CACHE names a cache on another",
  );
}

/**
 * The file's place in its snapshot, which says what it is and from which commit; the blob itself in a cache that may be
 * read and not written.
 */
async function linkOf({ part, name, from }: PlannedFile, cacheDir: string): Promise<LinkedFile> {
  if (from.kind === "here") return { part, name, path: resolve(from.path) };
  const cache = new RepoCache(cacheDir, from.file.repo);
  try {
    const path = await cache.link(from.file);
    await cache.setCommit(from.revision, from.file.commit);
    return { part, name, path: resolve(path) };
  } catch (error) {
    if (!(error instanceof HubError && await cache.hasBlob(from.file))) throw error;
    return { part, name, path: resolve(cache.blobPath(from.file)) };
  }
}
