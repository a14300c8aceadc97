/**
 * How long an engine process takes from its start until it can sample: with nothing of the model in main memory, and with
 * all of its files there. And what main memory it takes beside them.
 * @module
 */
import { join } from "node:path";
import { modelParts, offeredSizes, partNames, readManifest } from "../../src/engine/mod.ts";
import type { ProcessEngineOptions } from "../../src/engine/process_engine.ts";
import { type Measurement, MissingError, timed } from "../figure.ts";
import { forgetAll, type Forgetting } from "../page_cache.ts";
import type { PeakCounts } from "../peak_watcher.ts";
import { readyEngine } from "../ready_engine.ts";
import { startScript } from "../script.ts";
import { type Bench, going } from "./bench.ts";
import { request } from "./job.ts";
import { writeWholeModel } from "./whole_model.ts";

export async function* ready(bench: Bench): AsyncGenerator<Measurement> {
  const modelDir = await writeWholeModel(bench.folder);
  const files = await weightFiles(modelDir);
  yield* readiness({ files, forget: forgetAll, start: () => firstSampling(modelDir, engineOptions(bench)) });
}

/** As the server makes its engine. */
const engineOptions = ({ device, libraryPath }: Bench): ProcessEngineOptions => ({
  device,
  idleThreads: "sleep",
  ...(libraryPath === undefined ? {} : { libraryPath }),
});

export interface ReadinessOptions {
  /** What has to be read. */
  readonly files: readonly string[];
  readonly forget: Forgetting;
  /** Starts an engine process, and ends it. */
  readonly start: () => Promise<FirstSampling>;
}

/** @throws MissingError at the end, when the files could not be brought out of main memory */
export async function* readiness(options: ReadinessOptions): AsyncGenerator<Measurement> {
  const sizes = await Promise.all(options.files.map((file) => Deno.stat(file)));
  const fileBytes = sizes.reduce((sum, { size }) => sum + size, 0);
  const { first, how, why } = await coldStart(options);
  const readBytes = first.counts.readFromDiskBytes;
  const isCold = why === undefined && readBytes >= fileBytes / 2;
  if (isCold) yield timeOf("with none of its files in main memory", first, { how, fileBytes });
  const warm = await options.start();
  yield { ...timeOf("with its files in main memory", warm, { fileBytes }), aim: { atMost: 5 } };
  yield memoryOf(warm);
  if (isCold) return;
  const stayed = `after ${how} only ${readBytes} of ${fileBytes} bytes came from the disk`;
  throw new MissingError(`no start without files in main memory: ${why ?? stayed}`);
}

/** A start after which the files are in main memory; cold where nothing tells why not. */
async function coldStart(
  { files, forget, start }: ReadinessOptions,
): Promise<{ readonly first: FirstSampling; readonly how?: string; readonly why?: string }> {
  try {
    const how = await forget(files);
    return { how, first: await start() };
  } catch (error) {
    if (!(error instanceof MissingError)) throw error;
    return { why: error.message, first: await start() };
  }
}

/** Files of weights, where their links lead. */
export async function weightFiles(modelDir: string): Promise<string[]> {
  const files: string[] = [];
  for (const part of partNames.filter((part) => modelParts[part].weights)) {
    for await (const { name } of Deno.readDir(join(modelDir, part))) {
      if (name.endsWith(".safetensors")) files.push(await Deno.realPath(join(modelDir, part, name)));
    }
  }
  return files;
}

export interface FirstSampling {
  /** Until the engine says that the model is ready. */
  readonly modelSeconds: number;
  /** From there until a video's first section is sampled: its prompt and its picture. */
  readonly conditionsSeconds: number;
  /** The first step, with the modulation vectors of all. */
  readonly firstStepSeconds: number;
  readonly plan: readonly string[] | null;
  readonly counts: PeakCounts;
}

/** From the start of an engine process to the first step of a video of the model's usual size; then it is ended. */
export async function firstSampling(modelDir: string, options: ProcessEngineOptions): Promise<FirstSampling> {
  const manifest = await readManifest(modelDir);
  const asked = await request(modelDir, { size: offeredSizes(manifest)[0]!, steps: manifest.defaultSteps }, 1);
  await using watcher = startScript("peak_watcher.ts", [`${Deno.pid}`, "host.ts"], ["--allow-all"]);
  await watcher.nextLine();
  await using started = await readyEngine(modelDir, options);
  const events = started.engine.generate(asked, going)[Symbol.asyncIterator]();
  let plan: readonly string[] | null = null;
  const until = (kind: "sampling" | "step") =>
    timed(async () => {
      for (;;) {
        const { value: event, done } = await events.next();
        if (done) throw new Error(`The video of "${modelDir}" ended before an event "${kind}"`);
        if (event.kind === "device") plan = event.memory;
        if (event.kind === kind) return;
      }
    });
  const conditionsSeconds = await until("sampling");
  const firstStepSeconds = await until("step");
  await watcher.tell("end");
  const counts: PeakCounts = JSON.parse(await watcher.nextLine());
  await events.return?.();
  return { modelSeconds: started.seconds, conditionsSeconds, firstStepSeconds, plan, counts };
}

function timeOf(how: string, start: FirstSampling, detail: Record<string, unknown>): Measurement {
  const { modelSeconds, conditionsSeconds, firstStepSeconds, plan, counts } = start;
  const seconds = modelSeconds + conditionsSeconds;
  return {
    figure: `engine process to first sampling, ${how}`,
    value: seconds,
    unit: "s",
    detail: {
      seconds: { model: modelSeconds, conditions: conditionsSeconds, firstStep: firstStepSeconds },
      ...{ readFromDiskBytesPerSecond: counts.readFromDiskBytes / seconds, counts, plan, ...detail },
    },
  };
}

const memoryOf = ({ counts }: FirstSampling): Measurement => ({
  figure: "main memory of the engine that is no page of a file, until its first step",
  value: counts.beyondFilesBytes / 1e9,
  unit: "GB",
  aim: { atMost: 2 },
  detail: { counts, notCounted: "what a GPU's driver locks for itself may be missing in Linux's counts" },
});
