/**
 * `deno task pack`: a model of `models/` once more, with the matrices of its transformer's blocks in 8 or 4 bits.
 * @module
 */
// @ts-types="npm:@types/cli-progress@3.11.6"
import { SingleBar } from "cli-progress";
import { copyFile, lstat, mkdir, readdir, realpath, rename, rm, symlink, writeFile } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { print, printError, runCommand, StopSignals, UsageError } from "./command.ts";
import { configFromEnvironment, folderTypedIn } from "./src/config.ts";
import { inspectWeights } from "./src/engine/mod.ts";
import { openCheckpoint } from "./src/engine/onnx/safetensors.ts";
import { type PackedBits, type PackPlan, planPacking, writePacked } from "./src/engine/pack_transformer.ts";
import { freeBytes, gigabytes, writing } from "./src/hub/mod.ts";

const usage = `Usage:
  deno task pack MODEL [NAME] [--bits 8|4]
      writes models/NAME (default MODEL-fp8 or MODEL-int4): the transformer's blocks in 8 bits (default) or in 4,
      all else linked to MODEL. MODEL is a folder of models/, or a path.`;

const advice = "FRAMECAST_MODELS_DIR names another folder";

async function main(args: string[]): Promise<number> {
  if (args.length === 0 || args.includes("--help")) {
    print(usage);
    return 0;
  }
  const { model, bits, name } = readArguments(args);
  if (!/^[\w.-]+$/.test(name) || name.startsWith(".")) {
    throw new UsageError(`Cannot use the name "${name}": letters, digits, "-", "_" and "." are for names`);
  }
  const { modelsDir } = configFromEnvironment();
  const source = await modelFolder(model, modelsDir);
  const folder = join(modelsDir, name);
  if (await lstat(folder).catch(() => null)) {
    throw new UsageError(`"${folder}" is there already; give another name, or remove it`);
  }
  const plan = planPacking(await openCheckpoint(join(source, "transformer")), bits);
  const free = await freeBytes(modelsDir);
  if (plan.sizeBytes > free) {
    throw new UsageError(
      `Packing takes ${gigabytes(plan.sizeBytes)}, and the disk of "${modelsDir}" has ${
        gigabytes(free)
      } left; ${advice}`,
    );
  }
  using stop = new StopSignals();
  try {
    await makeFolder(source, folder, plan, stop.signal);
    print(`${folder} is ready: ${gigabytes(plan.sizeBytes)}; FRAMECAST_MODEL=${name} runs it`);
    return 0;
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    printError("Stopped. Nothing is left of it.");
    return 130;
  }
}

function readArguments(args: string[]): { model: string; bits: PackedBits; name: string } {
  const { values: { bits }, positionals } = parse(args);
  if (bits !== "8" && bits !== "4") throw new UsageError(`Cannot pack into ${bits} bits: --bits is 8 or 4`);
  const [model, name = `${basename(model ?? "")}-${bits === "8" ? "fp8" : "int4"}`, ...rest] = positionals;
  if (model === undefined || rest.length > 0) {
    throw new UsageError("One model and at most one name are wanted; deno task pack --help says what can be given");
  }
  return { model, bits: bits === "8" ? 8 : 4, name };
}

function parse(args: string[]) {
  try {
    const options = { bits: { type: "string", default: "8" } } as const;
    return parseArgs({ args, options, allowPositionals: true, strict: true });
  } catch (cause) {
    const [what] = (cause as Error).message.split(". ");
    throw new UsageError(`${what}; deno task pack --help says what can be given`, { cause });
  }
}

/** A name in `models/`, or a path as it was typed. */
async function modelFolder(model: string, modelsDir: string): Promise<string> {
  for (const folder of [join(modelsDir, model), resolve(folderTypedIn(), model)]) {
    const found = await realpath(folder).catch(() => null);
    if (found !== null) return found;
  }
  throw new UsageError(`There is no model "${model}" in "${modelsDir}", and no such folder`);
}

/** Beside its place first, so that a folder with its name is always whole. */
async function makeFolder(source: string, folder: string, plan: PackPlan, signal: AbortSignal): Promise<void> {
  const next = join(folder, "..", `.${basename(folder)}.new`);
  await rm(next, { recursive: true, force: true });
  try {
    await writing(folder, async () => {
      await mkdir(join(next, "transformer"), { recursive: true });
      for (const entry of await readdir(source, { withFileTypes: true })) {
        const { name } = entry;
        if (name === "transformer" || entry.isFile()) continue;
        await symlink(join(source, name), join(next, name));
      }
      await describe(source, next, basename(folder));
      await copyFile(join(source, "transformer", "config.json"), join(next, "transformer", "config.json"));
      await pack(plan, join(next, "transformer", "diffusion_pytorch_model.safetensors"), signal);
      await inspectWeights(next, "transformer");
      await rename(next, folder);
    }, advice);
  } finally {
    await rm(next, { recursive: true, force: true });
  }
}

/** What the folder says about itself, under its new name; pictures of examples are linked with the rest. */
async function describe(source: string, next: string, name: string): Promise<void> {
  const text = await Deno.readTextFile(join(source, "framecast.json")).catch(() => null);
  if (text === null) return;
  await writeFile(join(next, "framecast.json"), `${JSON.stringify({ ...JSON.parse(text), name }, null, 2)}\n`);
}

async function pack(plan: PackPlan, file: string, signal: AbortSignal): Promise<void> {
  const bar = new SingleBar({ format: "{bar} {percentage}% | {amount} | {duration_formatted}", hideCursor: true });
  const amount = (bytes: number) => ({ amount: `${gigabytes(bytes)} of ${gigabytes(plan.sizeBytes)}` });
  bar.start(plan.sizeBytes, 0, amount(0));
  try {
    for await (const bytes of writePacked(plan, file, signal)) bar.update(bytes, amount(bytes));
  } finally {
    bar.stop();
  }
}

if (import.meta.main) await runCommand(main);
