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
