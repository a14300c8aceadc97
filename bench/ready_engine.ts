/**
 * An engine process from its start on until it can make a video of a model.
 * @module
 */
import type { Engine } from "../src/engine/mod.ts";
import { createProcessEngine, type ProcessEngineOptions } from "../src/engine/process_engine.ts";
import { timed } from "./figure.ts";
import { pidRunning } from "./processes.ts";

/** Disposing ends it. */
export interface ReadyEngine extends AsyncDisposable {
  readonly engine: Engine;
  readonly pid: number;
  /** From the start of its process until graphs are compiled and weights that stay are in their places. */
  readonly seconds: number;
}

export async function readyEngine(modelDir: string, options: ProcessEngineOptions): Promise<ReadyEngine> {
  const engine = createProcessEngine(options);
  const end = () => engine[Symbol.asyncDispose]();
  try {
    const seconds = await timed(() => Array.fromAsync(engine.warm(modelDir, new AbortController().signal)));
    return { engine, seconds, pid: await pidRunning("host.ts"), [Symbol.asyncDispose]: end };
  } catch (error) {
    await end();
    throw error;
  }
}
