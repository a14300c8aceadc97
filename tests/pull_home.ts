/**
 * A computer with nothing on it and a hub it can pull from, for the tests of `pull`.
 * @module
 */
import assert from "node:assert/strict";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { openCheckpoint } from "../src/engine/onnx/safetensors.ts";
import { type ModelRecipe, pull, type PullEvent, type PullOptions, recipeFor } from "../src/hub/mod.ts";
import { emojiDir } from "./emoji.ts";
import { HubDouble } from "./hub_double.ts";
import { publishedEmoji, type Repos } from "./published_emoji.ts";

export const never: AbortSignal = new AbortController().signal;
export const published: Repos = await publishedEmoji();

/** What a test works with. */
export interface Home extends AsyncDisposable {
  readonly path: string;
  readonly cacheDir: string;
  readonly modelsDir: string;
  readonly double: HubDouble;
  /** Pulls to the end. */
  pull(options?: Partial<PullOptions>, recipe?: ModelRecipe): Promise<PullEvent[]>;
}

/** A computer with nothing on it, and a hub. */
export async function home(repos: Repos = published): Promise<Home> {
  const path = await Deno.makeTempDir({ prefix: "framecast-pull-" });
  const double = new HubDouble(repos);
  const [cacheDir, modelsDir] = [join(path, "hub"), join(path, "models")];
  await mkdir(modelsDir);
  const usual = { cacheDir, modelsDir, endpoint: double.endpoint, network: "online" as const, stallMs: 5000 };
  const patience = { retries: 1, pause: () => Promise.resolve() };
  return {
    ...{ path, cacheDir, modelsDir, double },
    pull: (options = {}, recipe = recipeFor("framepack-i2v")) =>
      Array.fromAsync(pull(recipe, { ...usual, patience, ...options }, never)),
    async [Symbol.asyncDispose]() {
      await double[Symbol.asyncDispose]();
      await rm(path, { recursive: true });
    },
  };
}

/** The folder's weights are those of the embedded model, to the bit. */
export async function assertEmoji(folder: string): Promise<void> {
  for (const part of ["transformer", "vae", "text_encoder", "text_encoder_2", "image_encoder"]) {
    const [ours, theirs] = [await openCheckpoint(join(folder, part)), await openCheckpoint(join(emojiDir, part))];
    assert.deepEqual(ours.names().toSorted(), theirs.names().toSorted());
    for (const name of ours.names()) assert.deepEqual(await ours.readFloat32(name), await theirs.readFloat32(name));
  }
}
