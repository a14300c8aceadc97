/**
 * An engine that draws the test pattern and keeps what it was asked.
 * @module
 */
import type { Engine, GenerationRequest } from "../src/engine/mod.ts";
import { createTestPatternEngine } from "../src/engine/test_pattern.ts";

export interface ListeningEngine {
  readonly engine: Engine;
  /** What it was asked so far. */
  readonly requests: readonly GenerationRequest[];
}

export function createListeningEngine(): ListeningEngine {
  const requests: GenerationRequest[] = [];
  const drawing = createTestPatternEngine();
  const engine: Engine = {
    ...drawing,
    generate(request, signal) {
      requests.push(request);
      return drawing.generate(request, signal);
    },
  };
  return { engine, requests };
}
