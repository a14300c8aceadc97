/**
 * A model folder made of links: our layout over files that stay where they are.
 * @module
 */
import { copyFile, lstat, mkdir, readdir, rename, rm, stat, symlink, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { writing } from "./disk.ts";
import { HubError } from "./errors.ts";
import type { ModelRecipe } from "./recipe.ts";

export interface LinkedFile {
  readonly part: string;
  readonly name: string;
  /** Absolute. */
  readonly path: string;
}

/**
 * Makes the folder beside its place, lets `check` look at it, and puts it there; what was there before is replaced. Its
 * `framecast.json` stays, since people edit it.
 * @returns the folder
 * @throws `HubError` when something is in its place that this did not make; what `check` throws
 */
export async function makeModelFolder(
  modelsDir: string,
  recipe: ModelRecipe,
  files: readonly LinkedFile[],
  check: (folder: string) => Promise<void>,
): Promise<string> {
  const [folder, next] = [join(modelsDir, recipe.name), join(modelsDir, `.${recipe.name}.new`)];
  await requireOurs(folder);
  await rm(next, { recursive: true, force: true });
  try {
    await writing(next, async () => {
      for (const { part, name, path } of files) {
        await mkdir(join(next, part), { recursive: true });
        await symlink(path, join(next, part, name));
      }
      await describe(folder, next, recipe);
    }, advice);
    await check(next);
    await writing(folder, async () => {
      await rm(folder, { recursive: true, force: true });
      await rename(next, folder);
    }, advice);
  } finally {
    await rm(next, { recursive: true, force: true });
  }
  return folder;
}

const advice = "FRAMECAST_MODELS_DIR names another folder";

async function describe(folder: string, next: string, { name, schedule }: ModelRecipe): Promise<void> {
  const [before, after] = [join(folder, "framecast.json"), join(next, "framecast.json")];
  if (await stat(before).catch(() => null)) return await copyFile(before, after);
  const manifest = { name, schedules: [schedule] };
  await writeFile(after, `${JSON.stringify(manifest, null, 2)}\n`);
}

/** Nothing is thrown away that cannot be made again: links, the folders that hold them, and one description. */
async function requireOurs(folder: string): Promise<void> {
  const info = await lstat(folder).catch(() => null);
  if (info === null) return;
  const refuse = (what: string) =>
    new HubError("request", `Cannot make "${folder}": ${what}; pull under another name, or move it away`);
  if (!info.isDirectory()) throw refuse("it is there and is no folder");
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const foreign = entries.find((entry) =>
    !entry.isSymbolicLink() && !entry.isDirectory() &&
    join(entry.parentPath, entry.name) !== join(folder, "framecast.json")
  );
  if (foreign) throw refuse(`it holds "${relative(folder, join(foreign.parentPath, foreign.name))}", which is no link`);
}
