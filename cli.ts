/**
 * The engine without a server: `generate` makes one video file, `parity` compares the engine with recorded outputs.
 * @module
 */
// @ts-types="npm:@types/cli-progress@3.11.6"
import { SingleBar } from "cli-progress";
import { dirname } from "node:path";
import {
  generateOptions,
  isFolder,
  parse,
  readGenerateRequest,
  required,
  typedPath,
  wrongCommand,
} from "./cli_request.ts";
import { print, printError, runCommand, StopSignals, UsageError } from "./command.ts";
import { type Config, configFromEnvironment, folderTypedIn } from "./src/config.ts";
import { hasCudaProvider, possibleGpu } from "./src/engine/device_choice.ts";
import { createProcessEngine } from "./src/engine/process_engine.ts";
import { type GenerationEvent, type GenerationRequest, planVideo } from "./src/engine/mod.ts";
import { printParity, runParity } from "./src/engine/parity/mod.ts";
import { findFfmpeg } from "./src/ffmpeg.ts";
import { recipeOf } from "./src/session/links.ts";
import { chooseFileEncoder, type FrameStore, openFrameStore, writeRecording } from "./src/stream/mod.ts";
import type { FrameRange } from "./src/video.ts";

const usage = `Usage:
  deno task generate --image FILE --prompt TEXT --out FILE.mp4 [options]
      --prompt-at SECONDS:TEXT                        another prompt from there on; once for each
      --start black|white|green|noise                 without --image: from words alone
      --end-image FILE      --end-strength 1          a picture to be led to (inverted)
      --model NAME|FOLDER   --seconds 5          --seed 31337 (-1 draws one)
      --steps N             --schedule inverted|forward
      --guidance N          --cfg N              --negative-prompt TEXT
      --resolution N|WxH    --shift N            --tea-cache THRESHOLD
      --window N            latent frames made at once
      --lora NAME|FILE[:STRENGTH]                     once for each; 1 is as trained
      --no-recipe           keep prompt and settings out of the file
  deno task parity FOLDER [--only COMPONENT,COMPONENT]`;

async function main([command, ...args]: readonly string[]): Promise<number> {
  if (command === "--help" || args.includes("--help")) {
    print(usage);
    return 0;
  }
  if (command === "generate") return await generate(args);
  if (command === "parity") return await parity(args);
  throw wrongCommand(command === undefined ? "A command is missing" : `There is no command "${command}"`);
}

async function generate(args: string[]): Promise<number> {
  const { values, positionals } = parse(args, generateOptions);
  if (positionals.length > 0) throw wrongCommand(`Cannot use "${positionals[0]}": every value follows its option`);
  if (values.start === undefined) required(values.image, "image");
  const out = typedPath(required(values.out, "out"));
  const config = configFromEnvironment();
  const ffmpeg = await findFfmpeg({ configured: config.ffmpegPath });
  const gpu = possibleGpu(config.devices[0]!, hasCudaProvider(config.ortLibraryPath));
  const encoder = await chooseFileEncoder(ffmpeg, config.fileEncoder, gpu);
  const { request, recipe: settings } = await readGenerateRequest(values, config);
  const plan = planVideo(request.settings);
  const framesFile = `${out}.frames`;
  await requireWritable(out, framesFile);
  try {
    await using store = await openFrameStore(framesFile, plan);
    const end = await fill(store, request, config);
    const range = settledRange(store);
    if (range) {
      const recipe = recipeOf(settings);
      const recording = { store, range, plan, file: out, ffmpeg, encoder, ...(values["no-recipe"] ? {} : { recipe }) };
      const { frames, sizeBytes } = await writeRecording(recording, new AbortController().signal);
      print(`${out}: ${(frames / plan.format.frameRate).toFixed(2)} s, ${frames} frames, ${sizeBytes} bytes`);
    }
    if (end.kind === "failed") throw end.error;
    if (end.kind === "completed") return 0;
    printError(range ? "Stopped. The file holds what was finished." : "Stopped. Nothing was finished yet.");
    return 130;
  } finally {
    await Deno.remove(framesFile).catch(() => {});
  }
}

/** Refuses a place for the file before anything is made for it. */
async function requireWritable(out: string, framesFile: string): Promise<void> {
  const refuse = (why: string, cause?: unknown) => new UsageError(`Cannot write "${out}": ${why}`, { cause });
  if (await isFolder(out)) throw refuse("it is a folder");
  if (!await isFolder(dirname(out))) throw refuse(`there is no folder "${dirname(out)}"`);
  try {
    (await Deno.create(framesFile)).close();
  } catch (cause) {
    const isFence = cause instanceof Deno.errors.NotCapable;
    const places = `only below "${folderTypedIn()}" and the folder of temporary files`;
    throw refuse(isFence ? `this command may write ${places}` : (cause as Error).message, cause);
  }
}

type End = { readonly kind: "completed" | "stopped" } | { readonly kind: "failed"; readonly error: unknown };

/** Makes the video into `store`, showing how far it is. Whatever ends it early, the store keeps what is finished. */
async function fill(store: FrameStore, request: GenerationRequest, config: Config): Promise<End> {
  using stop = new StopSignals();
  const bar = new SingleBar({ format: "{bar} {percentage}% | {what} | {duration_formatted}", hideCursor: true });
  const [sections, { steps }] = [store.plan.sections.length, request.settings];
  let done = 0; // steps; the decoding of a section counts as one
  const start = (what: string) => bar.start(sections * (steps + 1), 0, { what });
  start("loading the model");
  try {
    await using engine = createProcessEngine({
      device: config.devices[0]!,
      vram: config.vram,
      ...(config.ortLibraryPath ? { libraryPath: config.ortLibraryPath } : {}),
    });
    for await (const event of engine.generate(request, stop.signal)) {
      if (event.kind === "frames") await store.write(event.batch);
      if (event.kind === "device" && event.memory) {
        bar.stop();
        for (const line of event.memory) printError(`${event.device}: ${line}`);
        start("reading picture and prompt");
      }
      if (event.kind === "step" || event.kind === "sectionDone") done++;
      const what = workOf(event, sections);
      if (what) bar.update(done, { what });
    }
    return { kind: "completed" };
  } catch (error) {
    return stop.signal.aborted ? { kind: "stopped" } : { kind: "failed", error };
  } finally {
    bar.stop();
  }
}

function workOf(event: GenerationEvent, sections: number): string | null {
  switch (event.kind) {
    case "step":
      return `section ${event.section} of ${sections}, step ${event.step} of ${event.of}`;
    case "decoding":
      return `section ${event.section} of ${sections}, decoding`;
    case "sectionDone":
      return `section ${event.section} done`;
    default:
      return null;
  }
}

/** Everything that exists, declared final; null when nothing does. */
function settledRange(store: FrameStore): FrameRange | null {
  const exists = (frame: number) => store.stateOf(frame) === "final" || store.stateOf(frame) === "provisional";
  const frames = Array.from({ length: store.plan.frames }, (_, frame) => frame).filter(exists);
  if (frames.length === 0) return null;
  const range = { start: frames[0]!, end: frames.at(-1)! + 1 };
  store.settle(range);
  return range;
}

async function parity(args: string[]): Promise<number> {
  const { values, positionals } = parse(args, { only: { type: "string" } });
  const [folder, ...rest] = positionals;
  if (folder === undefined || rest.length > 0) throw wrongCommand("parity takes one folder");
  const components = values.only?.split(",");
  const results = runParity(typedPath(folder), components ? { components } : {});
  const allPassed = await printParity(results, { result: print, reason: printError });
  return allPassed ? 0 : 1;
}

if (import.meta.main) await runCommand(main);
