/**
 * The test-pattern engine, one section at a time: a test says when the next one may be made, so nothing depends on time.
 * @module
 */
import type { DecodeOrder, Engine, GenerationEvent, GenerationRequest } from "../src/engine/mod.ts";
import { createTestPatternEngine } from "../src/engine/test_pattern.ts";

export interface GatedEngine extends Engine {
  /** Lets this many more sections be made, of whatever video. */
  admit(sections: number): void;
  /** The next section fails with this. */
  failWith(error: Error): void;
  /** Lets the model be ready; until then it is being loaded, if the engine was made with `"cold"`. */
  finishLoading(): void;
  /** Requests that were started. */
  readonly requests: readonly GenerationRequest[];
  /** Resolves when so many were started. */
  started(requests: number): Promise<void>;
}

export function createGatedEngine(model: "warm" | "cold" = "warm", decode: DecodeOrder = "between"): GatedEngine {
  const inner = createTestPatternEngine({ decode });
  const requests: GenerationRequest[] = [];
  let admitted = 0;
  let failure: Error | undefined;
  let change = Promise.withResolvers<void>();
  const tell = () => {
    change.resolve();
    change = Promise.withResolvers();
  };

  async function pass(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const stopped = Promise.withResolvers<never>();
    const stop = () => stopped.reject(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
    try {
      while (admitted === 0 && !failure) await Promise.race([change.promise, stopped.promise]);
    } finally {
      signal.removeEventListener("abort", stop);
    }
    if (failure) {
      const error = failure;
      failure = undefined;
      throw error;
    }
    admitted--;
  }

  const loaded = Promise.withResolvers<void>();
  return {
    requests,
    async started(count) {
      while (requests.length < count) await change.promise;
    },
    finishLoading: loaded.resolve,
    admit(sections) {
      admitted += sections;
      tell();
    },
    failWith(error) {
      failure = error;
      tell();
    },
    async *generate(request: GenerationRequest, signal: AbortSignal): AsyncGenerator<GenerationEvent> {
      requests.push(request);
      tell();
      for await (const event of inner.generate(request, signal)) {
        yield event;
        if (event.kind === "sampling") await pass(signal);
      }
    },
    async *warm(): AsyncGenerator<GenerationEvent> {
      if (model === "warm") return;
      yield { kind: "loading", part: "transformer", done: 1, of: 3 };
      await loaded.promise;
    },
    async [Symbol.asyncDispose]() {},
  };
}
