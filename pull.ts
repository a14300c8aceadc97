/**
 * `deno task pull`: fetches a published model, or puts one together from other repositories and files that are here.
 * @module
 */
import { relative, resolve } from "node:path";
import { parseArgs, type ParseArgsOptionsConfig } from "node:util";
import { print, printError, runCommand, StopSignals } from "./command.ts";
import { configFromEnvironment, folderTypedIn, hubConfigFromEnvironment } from "./src/config.ts";
import { type PartName, partNames } from "./src/engine/mod.ts";
import {
  Bars,
  gigabytes,
  HubError,
  Lines,
  type ModelRecipe,
  parseSource,
  type PartSource,
  publishedNames,
  pull,
  type PullEvent,
  recipeFor,
} from "./src/hub/mod.ts";

const usage = `Usage:
  deno task pull ${publishedNames.join("|")}
      fetches the model into models/, by way of the cache that Hugging Face's programs share
  deno task pull NAME --transformer SOURCE [--like ${publishedNames.join("|")}] [--PART SOURCE …]
      puts a model together: SOURCE is a .safetensors file, a folder, or hf://OWNER/NAME[@REVISION][/FOLDER or FILE],
      PART is ${partNames.map(optionOf).join(", ")}
Hugging Face's variables say where from and where to: HF_ENDPOINT, HF_HOME, HF_HUB_CACHE, HF_TOKEN, HF_HUB_OFFLINE.`;

async function main(args: string[]): Promise<number> {
  const recipe = readRecipe(args);
  if (recipe === null) {
    print(usage);
    return 0;
  }
  const { modelsDir } = configFromEnvironment();
  const { tokenFile, token, ...hub } = hubConfigFromEnvironment();
  const cacheDir = typedPath(hub.cacheDir);
  const options = { ...hub, cacheDir, modelsDir, token: token ?? await tokenIn(tokenFile) };
  const progress = Deno.stderr.isTerminal() ? new Bars() : new Lines(printError);
  using stop = new StopSignals(() => progress.end());
  try {
    for await (const event of pull(recipe, options, stop.signal)) {
      progress.show(event);
      if (event.kind === "ready") printReady(event);
    }
    return 0;
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    progress.end();
    printError(`Stopped. ${gigabytes(progress.presentBytes)} are here, the same command goes on from there.`);
    return 130;
  } finally {
    progress.end();
  }
}

/** Null when somebody asks how this works. */
function readRecipe(args: string[]): ModelRecipe | null {
  const { values, positionals: [name, ...rest] } = parse(args);
  if (values.help || args.length === 0) return null;
  if (name === undefined) throw wrongCommand("The name of the model is missing");
  if (rest.length > 0) throw wrongCommand(`Cannot use "${rest[0]}": one model at a time`);
  const sources: Partial<Record<PartName, PartSource>> = {};
  for (const part of partNames) {
    const text = values[optionOf(part)];
    if (typeof text === "string") sources[part] = parseSource(text, typedPath);
  }
  return recipeFor(name, { sources, like: values.like as string | undefined });
}

function parse(args: string[]) {
  const options: ParseArgsOptionsConfig = { help: { type: "boolean" }, like: { type: "string" } };
  for (const part of partNames) options[optionOf(part)] = { type: "string" };
  try {
    return parseArgs({ args, options, allowPositionals: true, strict: true });
  } catch (cause) {
    throw wrongCommand((cause as Error).message.split(". ")[0]!, cause);
  }
}

function wrongCommand(what: string, cause?: unknown): HubError {
  return new HubError("request", `${what}; deno task pull --help lists every option`, { cause });
}

/** `text_encoder_2` → `text-encoder-2`. */
function optionOf(part: PartName): string {
  return part.replaceAll("_", "-");
}

/** Tasks run in the repository; paths are meant from where they were typed. */
const typedPath = (path: string) => resolve(folderTypedIn(), path);

async function tokenIn(file: string | undefined): Promise<string | undefined> {
  if (file === undefined) return undefined;
  const token = (await Deno.readTextFile(file).catch(() => "")).trim();
  return /^[!-~]+$/.test(token) ? token : undefined;
}

function printReady({ folder, weights }: Extract<PullEvent, { kind: "ready" }>): void {
  const shown = relative(Deno.cwd(), folder);
  const { tensors, dtypes } = weights.transformer!;
  print(
    `${shown.startsWith("..") ? folder : shown} is ready; its transformer has ${tensors} tensors, ${dtypes.join(", ")}`,
  );
  for (const { refusal } of Object.values(weights)) if (refusal) print(`This version cannot run it: ${refusal}`);
}

if (import.meta.main) await runCommand(main);
