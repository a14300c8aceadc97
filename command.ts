/**
 * What every command of the command line does alike: lines out, and one sentence for an error that is understood.
 * @module
 */

export const print = (line: string) => void Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
export const printError = (line: string) => void Deno.stderr.writeSync(new TextEncoder().encode(`${line}\n`));

/** A wrong command line. The message names the option and the value. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

const stopSignals = ["SIGINT", "SIGTERM"] as const;

/** Until it is disposed, the first Ctrl-C, or a request to end, aborts `signal`; the second one ends the program. */
export class StopSignals implements Disposable {
  readonly #stop = new AbortController();
  readonly #interrupt: () => void;

  /** @param tidy what is done before the program is ended */
  constructor(tidy = () => {}) {
    this.#interrupt = () => {
      if (!this.signal.aborted) return this.#stop.abort(new DOMException("Stopped", "AbortError"));
      tidy();
      Deno.exit(130);
    };
    for (const signal of stopSignals) Deno.addSignalListener(signal, this.#interrupt);
  }

  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  [Symbol.dispose](): void {
    for (const signal of stopSignals) Deno.removeSignalListener(signal, this.#interrupt);
  }
}

/** Runs `main` as the program: its number is the exit code; an error is a sentence, or a trace where it is a fault of ours. */
export async function runCommand(main: (args: string[]) => Promise<number>): Promise<void> {
  try {
    Deno.exitCode = await main(Deno.args);
  } catch (error) {
    const isKnown = error instanceof Error && error.name !== "Error" && error.name !== "TypeError";
    printError(isKnown ? error.message : String((error as Error)?.stack ?? error));
    Deno.exitCode = 1;
  }
}
