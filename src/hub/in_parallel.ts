/**
 * Several async generators at work at once, read as one.
 * @module
 */
import { following } from "./deadline.ts";

/** Gives what it makes; ends early when the signal says so. */
export type Job<T> = (signal: AbortSignal) => AsyncIterable<T>;

/**
 * Runs at most `width` jobs at a time and passes on what they give, as it comes. The first error stops the others, waits
 * for them, and is thrown; so does a reader that leaves.
 */
export async function* inParallel<T>(jobs: readonly Job<T>[], width: number, signal: AbortSignal): AsyncGenerator<T> {
  const stop = following(signal);
  const { readable, writable } = new TransformStream<T, T>();
  const writer = writable.getWriter();
  const waiting = jobs.values();
  const work = async () => {
    try {
      for (const job of waiting) {
        stop.signal.throwIfAborted();
        for await (const item of job(stop.signal)) await writer.write(item);
      }
    } catch (error) {
      stop.abort(error);
    }
  };
  const workers = Promise.all(Array.from({ length: width }, work));
  const ended = workers.then(() => stop.signal.aborted ? writer.abort(stop.signal.reason) : writer.close());
  ended.catch(() => {});
  try {
    yield* readable;
  } finally {
    stop.abort(new DOMException("Nobody reads on", "AbortError"));
    await readable.cancel().catch(() => {});
    await workers;
  }
}
