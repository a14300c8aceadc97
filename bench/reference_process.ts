/**
 * The published networks on torch, in a Python process that runs one part when asked.
 * @module
 */
import { fileURLToPath } from "node:url";
import { MissingError } from "./figure.ts";
import { linesOf } from "./lines.ts";

export const referenceVariants = ["float32", "bfloat16"] as const;
export type ReferenceVariant = (typeof referenceVariants)[number];

export interface ReferenceOptions {
  readonly python: string;
  readonly modelDir: string;
  /** Inputs and results are written there as `model.safetensors`: `in.…` and `out.…`. */
  readonly exchangeDir: string;
  readonly threads: number;
  readonly sidePx: number;
  readonly textTokens: number;
  readonly steps: number;
}

export interface Reference extends AsyncDisposable {
  readonly versions: Readonly<Record<string, string>>;
  /** Seconds of one run of a part, measured there. A section may use another dtype for the autoencoder. */
  run(part: string, variant: ReferenceVariant, vae?: ReferenceVariant): Promise<number>;
}

/** @throws MissingError when the Python or a package is missing */
export async function startReference(options: ReferenceOptions): Promise<Reference> {
  const { python, modelDir, exchangeDir, threads, sidePx, textTokens, steps } = options;
  const script = fileURLToPath(new URL("reference/main.py", import.meta.url));
  const args = [script, modelDir, exchangeDir, ...[threads, sidePx, textTokens, steps].map(String)];
  const process = start(python, args);
  const input = process.stdin.getWriter();
  const answers = linesOf(process.stdout)[Symbol.asyncIterator]();
  const next = async () => {
    const { value, done } = await answers.next();
    if (done) {
      throw new MissingError(
        `"${python}" cannot run the published networks: pip install -r bench/reference/requirements.txt`,
      );
    }
    return JSON.parse(value);
  };
  const { versions } = await next();
  return {
    versions,
    async run(part, variant, vae = variant) {
      await input.write(new TextEncoder().encode(`${JSON.stringify({ part, variant, vae })}\n`));
      return (await next()).seconds;
    },
    async [Symbol.asyncDispose]() {
      await input.close();
      await process.status;
    },
  };
}

function start(python: string, args: string[]) {
  try {
    return new Deno.Command(python, { args, stdin: "piped", stdout: "piped", stderr: "null" }).spawn();
  } catch (cause) {
    throw new MissingError(`"${python}" cannot be started: ${(cause as Error).message}`, { cause });
  }
}
