/**
 * The transformer of one model under one set of adapters after the other. The base stays loaded as it is; the set that was
 * used last stays, too, with its weights and its compiled graphs.
 * @module
 */
import type { ExecutableCache } from "../onnx/executable_cache.ts";
import { FramePackTransformer } from "../transformer.ts";
import { AdaptedGraphs } from "./adapted_graphs.ts";
import { type AppliedAdapter, type LoraFile, mergeAdapters, placeLoras } from "./merge.ts";
import { adaptersBeside, sideMatrices } from "./side_adapters.ts";

export class LoraSets implements AsyncDisposable {
  readonly #base: FramePackTransformer;
  readonly #newCache: () => ExecutableCache;
  #last:
    | { readonly key: string; readonly graphs: AdaptedGraphs; readonly transformer: FramePackTransformer }
    | undefined;

  /** @param newCache makes an empty cache with the base's options; disposed with the set it is for */
  constructor(base: FramePackTransformer, newCache: () => ExecutableCache) {
    this.#base = base;
    this.#newCache = newCache;
  }

  /**
   * The transformer with these files in its weights, as long as no other set is asked for; the base for an empty set.
   * @throws RequestError naming the file and what is wrong with it; the signal's reason when stopped
   */
  async transformerUnder(loras: readonly LoraFile[], signal: AbortSignal): Promise<FramePackTransformer> {
    const applied = loras.filter(({ strength }) => strength !== 0);
    if (applied.length === 0) return this.#base;
    const key = await keyOf(applied);
    if (this.#last?.key === key) return this.#last.transformer;
    const { source: { config, checkpoint }, blocks } = this.#base;
    const adapters = await placeLoras(checkpoint, applied);
    const beside = blocks.adapters === "beside" ? adaptersBeside(config, adapters) : new Set<AppliedAdapter>();
    const merged = await mergeAdapters(checkpoint, adapters, beside, signal);
    await this[Symbol.asyncDispose]();
    const graphs = new AdaptedGraphs(this.#base.executables, this.#newCache(), merged);
    const sides = beside.size > 0 ? { sides: sideMatrices(beside) } : {};
    const source = { ...this.#base.source, checkpoint: graphs.checkpoint, ...sides };
    const transformer = new FramePackTransformer(source, graphs, blocks.under(source, graphs, merged.changed));
    this.#last = { key, graphs, transformer };
    return transformer;
  }

  /** Lets the last set go, with what its blocks have of a GPU's memory. No run may be under way. */
  async [Symbol.asyncDispose](): Promise<void> {
    const last = this.#last;
    this.#last = undefined;
    await last?.transformer.blocks[Symbol.asyncDispose]();
    last?.graphs[Symbol.dispose]();
  }
}

/** Files and strengths; a file that was written anew is another. */
async function keyOf(loras: readonly LoraFile[]): Promise<string> {
  const parts = await Promise.all(loras.map(async ({ file, strength }) => {
    const info = await Deno.stat(file).catch(() => undefined); // merging tells what is wrong with it
    return [file, strength, info?.size, info?.mtime?.getTime()];
  }));
  return JSON.stringify(parts);
}
