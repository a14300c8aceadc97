/**
 * From a recipe to files: what each part needs, and where each file is.
 * @module
 */
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { type PartName, partNames } from "../engine/mod.ts";
import { RepoCache } from "./cache.ts";
import { HubError } from "./errors.ts";
import { believableFile, type Hub, type HubFile } from "./hub.ts";
import { chooseDescriptions, chooseWeights, renamedWeights } from "./part_files.ts";
import { type Patience, patiently } from "./patience.ts";
import { folderAndFile, type HubSource, type ModelRecipe, nameOfSource, type PartSource } from "./recipe.ts";

/** A file of the model folder to be. */
export interface PlannedFile {
  readonly part: PartName;
  /** Its name in the folder of its part. */
  readonly name: string;
  readonly from: Whereabouts;
}

export type Whereabouts =
  | { readonly kind: "here"; readonly path: string }
  | { readonly kind: "hub"; readonly file: HubFile; readonly revision: string };

/** A folder of files, wherever it is. */
export interface Shelf {
  readonly names: readonly string[];
  at(name: string): Whereabouts;
}

/** Finds the folders of repositories. */
export interface Library {
  /** @throws `HubError` */
  shelf(source: HubSource, folder: string): Promise<Shelf>;
}

/**
 * Every file that the model folder needs, by part.
 * @throws `HubError` naming the source and what it lacks
 */
export async function planModel(recipe: ModelRecipe, library: Library): Promise<PlannedFile[]> {
  const parts = await Promise.allSettled(partNames.map((part) => planPart(part, recipe, library)));
  return parts.flatMap((part) => {
    if (part.status === "rejected") throw part.reason;
    return part.value;
  });
}

async function planPart(part: PartName, recipe: ModelRecipe, library: Library): Promise<PlannedFile[]> {
  const [source, published] = [recipe.sources[part], recipe.published[part]];
  const { folder, file } = folderAndFile(source, await isFile(source));
  const shelf = await shelfOf(source, folder, library);
  const weights = file === null ? chooseWeights(part, shelf.names) : renamedWeights(part, file);
  if ("problem" in weights) throw lacking(source, weights.problem);
  if (file !== null && !shelf.names.includes(file)) throw lacking(source, "is not there");
  const own = file === null ? chooseDescriptions(part, shelf.names) : { problem: "is a file" };
  const planned = [...place(part, weights.files, shelf)];
  if ("files" in own) return [...planned, ...place(part, own.files, shelf)];
  if (source === published) throw lacking(source, own.problem);
  const elsewhere = await shelfOf(published, published.path, library);
  const usual = chooseDescriptions(part, elsewhere.names);
  if ("problem" in usual) throw lacking(published, usual.problem);
  return [...planned, ...place(part, usual.files, elsewhere)];
}

function place(part: PartName, files: readonly { source: string; target: string }[], shelf: Shelf): PlannedFile[] {
  return files.map(({ source, target }) => ({ part, name: target, from: shelf.at(source) }));
}

function lacking(source: PartSource, problem: string): HubError {
  return new HubError("incomplete", `"${nameOfSource(source)}" ${problem}`);
}

async function isFile(source: PartSource): Promise<boolean> {
  if (source.kind === "hub") return source.path.endsWith(".safetensors");
  const info = await stat(source.path).catch((cause) => {
    const why = cause.code === "ENOENT" ? "there is no such file or folder" : cause.message;
    throw new HubError("request", `Cannot use "${source.path}": ${why}`, { cause });
  });
  return info.isFile();
}

async function shelfOf(source: PartSource, folder: string, library: Library): Promise<Shelf> {
  if (source.kind === "hub") return await library.shelf(source, folder);
  return { names: await readdir(folder), at: (name) => ({ kind: "here", path: join(folder, name) }) };
}

/** What the hub has now. Each question is asked once. */
export function hubLibrary(hub: Hub, patience: Patience, signal: AbortSignal): Library {
  const answers = new Map<string, Promise<unknown>>();
  const once = <T>(question: string, ask: () => Promise<T>): Promise<T> => {
    if (!answers.has(question)) answers.set(question, patiently(ask, patience, signal));
    return answers.get(question) as Promise<T>;
  };
  return {
    async shelf({ repo, revision }, folder) {
      const commit = await once(`${repo}@${revision}`, () => hub.commitOf(repo, revision));
      const files = await once(`${repo}@${commit}/${folder}`, () => hub.filesIn(repo, commit, folder));
      const byName = new Map(files.map((file) => [file.path.slice(folder === "" ? 0 : folder.length + 1), file]));
      return {
        names: [...byName.keys()],
        at: (name) => ({ kind: "hub", file: believableFile(byName.get(name)!), revision }),
      };
    },
  };
}

/** What was fetched before. */
export function cacheLibrary(cacheDir: string): Library {
  return {
    async shelf({ repo, revision }, folder) {
      const cache = new RepoCache(cacheDir, repo);
      const commit = await cache.commitOf(revision);
      const names = commit ? await cache.namesIn(commit, folder) : [];
      if (!commit || names.length === 0) {
        const what = [repo, folder].filter(Boolean).join("/");
        throw new HubError("incomplete", `The cache "${cacheDir}" has nothing of "${what}"`);
      }
      const path = (name: string) => cache.snapshotPath(commit, folder ? `${folder}/${name}` : name);
      return { names, at: (name) => ({ kind: "here", path: path(name) }) };
    },
  };
}
