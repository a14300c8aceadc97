/**
 * A video whose prompt may change while it is made.
 * docs/decisions/0030-steering-is-going-on.md
 * @module
 */
import { type Engine, type GenerationEvent, type GenerationRequest, isEngineLost } from "../engine/mod.ts";

export interface Turns {
  /** Ends it all. */
  readonly stop: AbortSignal;
  readonly take: (event: GenerationEvent) => Promise<void>;
  /** After each section: the request under which the next ones are made, null for the same. */
  readonly turned: (request: GenerationRequest) => Promise<GenerationRequest | null>;
}

/**
 * Has an engine make a video, and, wherever the request changes, stop after the finished section and go on from there.
 * @throws what the engine throws; the reason of `stop`
 */
export async function generateInTurns(engine: Engine, request: GenerationRequest, turns: Turns): Promise<void> {
  for (let next: GenerationRequest | null = request; next !== null;) next = await oneTurn(engine, next, turns);
}

async function oneTurn(
  engine: Engine,
  request: GenerationRequest,
  { stop, take, turned }: Turns,
): Promise<GenerationRequest | null> {
  const turn = new AbortController();
  let next: GenerationRequest | null = null;
  try {
    for await (const event of engine.generate(request, AbortSignal.any([stop, turn.signal]))) {
      if (next !== null) continue; // of a section that is made again
      await take(event);
      if (event.kind === "sectionDone") next = await turned(request);
      if (next !== null) turn.abort();
    }
  } catch (error) {
    if (!turn.signal.aborted || isEngineLost(error)) throw error;
  }
  stop.throwIfAborted();
  return next;
}
