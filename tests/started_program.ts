/**
 * Programs that a test starts beside itself and that print when they are ready: browsers, OBS, nginx.
 * @module
 */

export interface StartOptions {
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Where it says that it is ready, and how. */
  readonly says: readonly ["stdout" | "stderr", RegExp];
}

export interface StartedProgram {
  /** The words that said it is ready. */
  readonly said: RegExpExecArray;
  readonly ended: Promise<void>;
  /** Resolves when it has ended. */
  end(signal: Deno.Signal): Promise<void>;
}

/** The first of the paths that is a file; undefined: what needs it is skipped. */
export function installed(...paths: readonly string[]): string | undefined {
  return paths.find((path) => {
    try {
      return Deno.statSync(path).isFile;
    } catch {
      return false;
    }
  });
}

/** Resolves when the program is ready. @throws what it printed when it ended before that */
export async function startProgram(path: string, { args, env = {}, says }: StartOptions): Promise<StartedProgram> {
  const [stream, words] = says;
  const streams = { stdout: "null", stderr: "null", [stream]: "piped" } as const;
  const child = new Deno.Command(path, { args: [...args], env: { ...env }, stdin: "null", ...streams }).spawn();
  const [log, rest] = child[stream].tee();
  const drained = rest.pipeTo(new WritableStream());
  const ended = Promise.all([child.status, drained]).then(() => {});
  const said = await find(words, log);
  if (typeof said === "string") {
    await ended;
    throw new Error(`${path} did not start: ${said}`);
  }
  return {
    said,
    ended,
    async end(signal) {
      try {
        child.kill(signal);
      } catch { // it has ended by itself
      }
      await ended;
    },
  };
}

/** @returns the whole text when it ended without the words */
async function find(words: RegExp, stream: ReadableStream<Uint8Array>): Promise<RegExpExecArray | string> {
  let text = "";
  for await (const part of stream.pipeThrough(new TextDecoderStream())) {
    const found = words.exec(text += part);
    if (found) return found;
  }
  return text;
}

/** A port that nobody listens on, for programs that cannot be asked to take any. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
