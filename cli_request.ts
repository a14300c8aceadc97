/**
 * What `generate` is asked on the command line → what the engine is asked. Every mistake is one line.
 * @module
 */
import { basename, resolve } from "node:path";
import { parseArgs, type ParseArgsOptionsConfig } from "node:util";
import { UsageError } from "./command.ts";
import { type Config, folderTypedIn } from "./src/config.ts";
import {
  demandOf,
  type EndFrame,
  endStrengthChoice,
  type GenerationRequest,
  type GenerationSettings,
  generationSettings,
  loraChoices,
  type LoraFile,
  LoraLibrary,
  loraName,
  plainPicture,
  type PlainStart,
  readManifest,
  requireEndPossible,
  resolveSettings,
  type StartChoice,
  startChoice,
} from "./src/engine/mod.ts";
import { decodeImage, ImageError } from "./src/image.ts";
import type { SessionView } from "./src/session/view.ts";
import type { RgbImage } from "./src/video.ts";

export const generateOptions = {
  image: { type: "string" },
  start: { type: "string" },
  "end-image": { type: "string" },
  "end-strength": { type: "string" },
  prompt: { type: "string" },
  "prompt-at": { type: "string", multiple: true },
  out: { type: "string" },
  model: { type: "string" },
  seconds: { type: "string" },
  seed: { type: "string" },
  steps: { type: "string" },
  schedule: { type: "string" },
  guidance: { type: "string" },
  cfg: { type: "string" },
  "negative-prompt": { type: "string" },
  resolution: { type: "string" },
  shift: { type: "string" },
  "tea-cache": { type: "string" },
  window: { type: "string" },
  lora: { type: "string", multiple: true },
  "no-recipe": { type: "boolean" },
} as const satisfies ParseArgsOptionsConfig;

export type GenerateValues = ReturnType<typeof parse<typeof generateOptions>>["values"];

/** What an engine is asked, and what stands in the file. @throws UsageError; RequestError */
export async function readGenerateRequest(
  values: GenerateValues,
  config: Config,
): Promise<{ readonly request: GenerationRequest; readonly recipe: SessionView["settings"] }> {
  const pictures = await readPictures(values);
  const modelDir = await modelFolder(values.model ?? config.defaultModel, config.modelsDir);
  const loras = await readLoras(values.lora ?? [], modelDir, config.lorasDir);
  const { start, sent, end } = pictures;
  const shape = sent ?? { widthPx: 1, heightPx: 1 };
  const settings = resolveSettings(readSettings(values), await readManifest(modelDir), shape, drawSeed());
  if (end) requireEndPossible(settings);
  const choices = loras.map(({ file, strength }) => ({ name: loraName(file), strength }));
  const named = { model: basename(modelDir), loras: choices, start, endStrength: end?.strength ?? null };
  const image = sent ?? plainPicture(start as PlainStart, settings);
  const request = { image, modelDir, settings, loras, ...(end ? { end } : {}) };
  return { request, recipe: { ...settings, ...named, keepRecipe: true } };
}

interface CliPictures {
  readonly start: StartChoice;
  /** Null where the video starts from words alone. */
  readonly sent: RgbImage | null;
  readonly end: EndFrame | null;
}

async function readPictures(values: GenerateValues): Promise<CliPictures> {
  const start = valueOf(startChoice, values.start, "start", values.start);
  if (values.image !== undefined && start !== "picture") {
    throw new UsageError(`Cannot use --start "${start}" beside --image: leave one of them out`);
  }
  const endStrength = number(values["end-strength"], "end-strength");
  if (endStrength !== undefined && values["end-image"] === undefined) {
    throw new UsageError(`Cannot use --end-strength "${values["end-strength"]}" without --end-image`);
  }
  const strength = valueOf(endStrengthChoice, endStrength, "end-strength", values["end-strength"]) ?? 1;
  const end = values["end-image"] === undefined ? null : { image: await readImage(values["end-image"]), strength };
  return { start, sent: start === "picture" ? await readImage(required(values.image, "image")) : null, end };
}

function valueOf<T>(schema: Schema<T>, value: unknown, option: string, text: string | undefined): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new UsageError(`Cannot use --${option} "${text}": it ${demandOf(parsed.error.issues[0]!)}`);
}

/** What is needed of a zod schema here. */
interface Schema<T> {
  safeParse(value: unknown):
    | { readonly success: true; readonly data: T }
    | { readonly success: false; readonly error: { readonly issues: readonly Parameters<typeof demandOf>[0][] } };
}

const drawSeed = () => crypto.getRandomValues(new Uint32Array(1))[0]!;

function readSettings(values: GenerateValues): GenerationSettings {
  const given = {
    prompt: values.prompt,
    promptChanges: values["prompt-at"]?.map(readPromptChange),
    negativePrompt: values["negative-prompt"],
    durationSeconds: number(values.seconds, "seconds"),
    seed: number(values.seed, "seed"),
    steps: number(values.steps, "steps"),
    guidance: number(values.guidance, "guidance"),
    cfg: number(values.cfg, "cfg"),
    shift: number(values.shift, "shift"),
    teaCacheThreshold: number(values["tea-cache"], "tea-cache"),
    windowLatentFrames: number(values.window, "window"),
    schedule: values.schedule,
    previews: false,
    resolution: /^\d+$/.test(values.resolution ?? "") ? Number(values.resolution) : values.resolution,
  };
  const parsed = generationSettings.safeParse(
    Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)),
  );
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const [field, index] = issue!.path as [keyof typeof given, number?];
    const text = index === undefined ? given[field] : values["prompt-at"]?.[index];
    throw new UsageError(`Cannot use --${optionOf(field)} "${text}": it ${demandOf(issue!)}`);
  }
  return parsed.data;
}

/** `2.4:It spins.` */
function readPromptChange(text: string): GenerationSettings["promptChanges"][number] {
  const [, seconds, prompt] = /^([\d.]+):(.*)$/s.exec(text) ?? [];
  if (prompt === undefined) throw new UsageError(`Cannot use --prompt-at "${text}": it must be SECONDS:TEXT`);
  return { atSeconds: number(seconds, "prompt-at")!, prompt };
}

/** `durationSeconds` → `seconds`, `negativePrompt` → `negative-prompt`. */
function optionOf(field: string): string {
  const named: Record<string, string> = {
    durationSeconds: "seconds",
    promptChanges: "prompt-at",
    teaCacheThreshold: "tea-cache",
    windowLatentFrames: "window",
  };
  return named[field] ?? field.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** A name in the models folder, or any folder. */
async function modelFolder(model: string, modelsDir: string): Promise<string> {
  const installed = resolve(modelsDir, model);
  if (/^[\w.-]+$/.test(model) && await isFolder(installed)) return installed;
  if (await isFolder(typedPath(model))) return typedPath(model);
  throw new UsageError(`There is no model "${model}" in "${resolve(modelsDir)}", and no such folder`);
}

/** `NAME`, `FILE`, each with `:STRENGTH` behind it or without: a name that the model knows, or any file. */
async function readLoras(texts: readonly string[], modelDir: string, lorasDir: string): Promise<LoraFile[]> {
  const library = new LoraLibrary(lorasDir);
  const known = await library.list(modelDir);
  const asked = texts.map((text) => {
    const [, name = text, strength = "1"] = /^(.+):([^:/\\]+)$/.exec(text) ?? [];
    const file = known.find((lora) => lora.name === name)?.file ?? typedPath(name);
    return { name, file, strength: Number(strength) };
  });
  const parsed = loraChoices.safeParse(asked.map(({ file, strength }) => ({ name: loraName(file), strength })));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const text = texts[issue!.path[0] as number] ?? texts.join(" ");
    throw new UsageError(`Cannot use --lora "${text}": it ${demandOf(issue!)}`);
  }
  for (const { name, file } of asked) {
    if (!await isFile(file)) {
      const names = known.map((lora) => `"${lora.name}"`).join(", ") || "none";
      throw new UsageError(`There is no LoRA "${name}" for this model, there is ${names}, and no such file`);
    }
    await library.check(modelDir, file);
  }
  return asked.map(({ file, strength }) => ({ file, strength }));
}

export function parse<T extends ParseArgsOptionsConfig>(args: string[], options: T) {
  try {
    return parseArgs({ args, options, allowPositionals: true, strict: true });
  } catch (cause) {
    throw wrongCommand((cause as Error).message.split(". ")[0]!, cause);
  }
}

export function wrongCommand(what: string, cause?: unknown): UsageError {
  return new UsageError(`${what}; deno task generate --help lists every option`, { cause });
}

export function required(value: string | undefined, option: string): string {
  if (!value) throw wrongCommand(`--${option} is missing`);
  return value;
}

function number(text: string | undefined, option: string): number | undefined {
  if (text === undefined) return undefined;
  const value = text.trim() === "" ? NaN : Number(text);
  if (!Number.isFinite(value)) throw new UsageError(`Cannot use --${option} "${text}": it must be a number`);
  return value;
}

/** Tasks run in the repository; paths are meant from where they were typed. */
export const typedPath = (path: string) => resolve(folderTypedIn(), path);

export function isFolder(path: string): Promise<boolean> {
  return Deno.stat(path).then((info) => info.isDirectory, () => false);
}

function isFile(path: string): Promise<boolean> {
  return Deno.stat(path).then((info) => info.isFile, () => false);
}

async function readImage(typed: string): Promise<RgbImage> {
  const file = typedPath(typed);
  let bytes: Uint8Array;
  try {
    bytes = await Deno.readFile(file);
  } catch (cause) {
    const why = cause instanceof Deno.errors.NotFound ? "there is no such file" : (cause as Error).message;
    throw new UsageError(`Cannot read "${file}": ${why}`, { cause });
  }
  try {
    return await decodeImage(bytes);
  } catch (cause) {
    throw cause instanceof ImageError ? new UsageError(`Cannot use "${file}". ${cause.message}`, { cause }) : cause;
  }
}
