/**
 * Compiled graphs by name, made at first use and kept.
 * @module
 */
import type { CompileOptions, Executable, Runtime } from "./runtime.ts";

/** Compiles each graph once; forgets the least recently used above `limit`. Disposing releases all. */
export class ExecutableCache implements Disposable, AsyncDisposable {
  readonly #entries = new Map<string, Promise<Executable>>();
  #state: "open" | "disposed" = "open";

  constructor(
    readonly runtime: Pick<Runtime, "compile">,
    readonly options: Omit<CompileOptions, "signal">,
    readonly limit = 32,
  ) {}

  /**
   * The executable `key`; `build` gives its serialized model when it has to be made, with the cache's options where
   * `options` says nothing else. A failure is not kept.
   */
  get(
    key: string,
    build: () => Uint8Array<ArrayBuffer>,
    options: Pick<CompileOptions, "threads"> = {},
  ): Promise<Executable> {
    if (this.#state === "disposed") throw new Error(`Cannot use graph "${key}": its model was unloaded`);
    const known = this.#entries.get(key);
    const entry = known ?? this.#compile(key, build, options);
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    this.#forgetOldest();
    return entry;
  }

  /** A use of what is in it, at whose end everything leaves that does not stay always. Then no run may be under way. */
  use(): AsyncDisposable {
    return { [Symbol.asyncDispose]: () => this.#leave() };
  }

  async #leave(): Promise<void> {
    if (this.options.stay !== "while used") return;
    const entries = [...this.#entries.values()];
    this.#entries.clear();
    for (const entry of await Promise.allSettled(entries)) {
      if (entry.status === "fulfilled") entry.value[Symbol.dispose]();
    }
  }

  [Symbol.dispose](): void {
    this.#state = "disposed";
    for (const entry of this.#entries.values()) release(entry);
    this.#entries.clear();
  }

  /** As disposing, and waits until everything has left. */
  async [Symbol.asyncDispose](): Promise<void> {
    const entries = [...this.#entries.values()];
    this[Symbol.dispose]();
    await Promise.allSettled(entries);
  }

  async #compile(
    key: string,
    build: () => Uint8Array<ArrayBuffer>,
    options: Pick<CompileOptions, "threads">,
  ): Promise<Executable> {
    try {
      return await this.runtime.compile(build(), { ...this.options, ...options });
    } catch (cause) {
      this.#entries.delete(key);
      throw cause;
    }
  }

  #forgetOldest(): void {
    for (const [key, entry] of this.#entries) {
      if (this.#entries.size <= this.limit) return;
      this.#entries.delete(key);
      release(entry);
    }
  }
}

function release(entry: Promise<Executable>): void {
  entry.then((executable) => executable[Symbol.dispose](), () => {});
}
