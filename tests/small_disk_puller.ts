/**
 * Pulls into a disk that is too small and does not say so: run by `pull_task_test.ts` with the cache's folder, the models'
 * and the hub's address. Prints, as JSON, what is said about it and how much is kept.
 * @module
 */
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { pull, recipeFor } from "../src/hub/mod.ts";

const [cacheDir, modelsDir, endpoint] = Deno.args as [string, string, string];
const options = { cacheDir, modelsDir, endpoint, network: "online", freeBytes: () => Promise.resolve(1e12) } as const;
const said = await Array.fromAsync(pull(recipeFor("framepack-i2v"), options, new AbortController().signal))
  .then(() => "nothing", (error) => error.message);
let keptBytes = 0;
for (const name of await readdir(cacheDir, { recursive: true })) {
  if (name.includes("/blobs/")) keptBytes += (await stat(join(cacheDir, name))).size;
}
Deno.stdout.writeSync(new TextEncoder().encode(JSON.stringify({ said, keptBytes })));
