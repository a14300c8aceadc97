/**
 * Two pieces of work that are read as one, in turn or at once.
 * @module
 */

/** Tells of itself at the pace of its reader, and is ended by the signal. */
export type Work<Told, Result = void> = (signal: AbortSignal) => AsyncGenerator<Told, Result>;

/** The first one, then the second, whose result it is. */
export async function* inTurn<Told, Result>(
  first: Work<Told, unknown>,
  second: Work<Told, Result>,
  signal: AbortSignal,
): AsyncGenerator<Told, Result> {
  yield* first(signal);
  return yield* second(signal);
}

/**
 * Both at once, to the end of both; the result is the second's. What either tells comes as soon as it is there. While the
 * reader is busy, each goes on as far as it has something to tell.
 *
 * When one fails, the other is stopped, and what it had ready is told before the failure is thrown. Nothing is under way any
 * more when this ends, fails or is left by its reader.
 * @throws what was thrown first; the signal's reason when stopped
 */
export async function* beside<Told, Result>(
  first: Work<Told, unknown>,
  second: Work<Told, Result>,
  signal: AbortSignal,
): AsyncGenerator<Told, Result> {
  const stop = new AbortController();
  const both = AbortSignal.any([signal, stop.signal]);
  const last = second(both);
  const works: readonly AsyncGenerator<Told, unknown>[] = [first(both), last];
  const next = new Map(works.map((work) => [work, turnOf(work)]));
  let result: Result;
  let failure: { readonly cause: unknown } | undefined;
  try {
    while (next.size > 0) {
      const turn = await Promise.race(next.values());
      next.delete(turn.work);
      if (turn.kind === "told") {
        yield turn.value;
        next.set(turn.work, turnOf(turn.work));
      } else if (turn.kind === "failed") {
        failure ??= turn;
        stop.abort(failure.cause);
      } else if (turn.work === last) result = turn.value as Result;
    }
    if (failure) throw failure.cause;
    return result!;
  } finally {
    stop.abort();
    await Promise.all(works.map((work) => work.return(undefined))); // each when what it is at is over
  }
}

/** What became of a piece of work when it was asked to go on. */
type Turn<Told> =
  & { readonly work: AsyncGenerator<Told, unknown> }
  & (
    | { readonly kind: "told"; readonly value: Told }
    | { readonly kind: "ended"; readonly value: unknown }
    | { readonly kind: "failed"; readonly cause: unknown }
  );

/** Never rejects: nobody may be waiting yet. */
async function turnOf<Told>(work: AsyncGenerator<Told, unknown>): Promise<Turn<Told>> {
  try {
    const { done, value } = await work.next();
    return done ? { work, kind: "ended", value } : { work, kind: "told", value };
  } catch (cause) {
    return { work, kind: "failed", cause };
  }
}
