/**
 * Compiled graphs of a transformer some of whose weights are replaced. A graph that holds none of those is the base's, and
 * is neither compiled nor kept twice: adapters mostly touch the blocks.
 * @module
 */
import type { Executable } from "../onnx/runtime.ts";
import type { ExecutableCache } from "../onnx/executable_cache.ts";
import type { Checkpoint } from "../onnx/safetensors.ts";
import type { CompiledGraphs } from "../transformer.ts";
import type { MergedCheckpoint } from "./merge.ts";

export class AdaptedGraphs implements CompiledGraphs, Disposable {
  /** What graphs are to be built from: it notices when a changed weight is read. */
  readonly checkpoint: Checkpoint;
  readonly #base: CompiledGraphs;
  readonly #own: ExecutableCache;
  /** Graph by name → whether it holds a changed weight. */
  readonly #isOwn = new Map<string, boolean>();
  #changedReads = 0;

  /** @param own empty; taken over */
  constructor(base: CompiledGraphs, own: ExecutableCache, merged: MergedCheckpoint) {
    this.#base = base;
    this.#own = own;
    this.checkpoint = {
      ...merged,
      get: (name) => {
        if (merged.changed.has(name)) this.#changedReads++;
        return merged.get(name);
      },
    };
  }

  get(key: string, build: () => Uint8Array<ArrayBuffer>): Promise<Executable> {
    const known = this.#isOwn.get(key);
    if (known !== undefined) return (known ? this.#own : this.#base).get(key, build);
    const before = this.#changedReads;
    const model = build();
    const isOwn = this.#changedReads > before;
    this.#isOwn.set(key, isOwn);
    return (isOwn ? this.#own : this.#base).get(key, () => model);
  }

  [Symbol.dispose](): void {
    this.#own[Symbol.dispose]();
  }
}
