/**
 * Whole videos through the engine, encoders and autoencoder included: under the plan that the card gets and under the
 * smallest one, and a long one, whose last section should take what its second took.
 * @module
 */
import { createFramePackEngine } from "../../src/engine/framepack_engine.ts";
import { engineAbilities, leastBytes, type MemoryWishes, readModelSizes, workOf } from "../../src/engine/memory/mod.ts";
import {
  type Engine,
  type GenerationRequest,
  generationSettings,
  plainPicture,
  readManifest,
  resolveSettings,
} from "../../src/engine/mod.ts";
import { type Measurement, median } from "../figure.ts";
import { going, type GpuBench, peakMemory } from "./bench.ts";
import { writeWholeModel } from "./whole_model.ts";

/** A section of the published models. */
const sectionSeconds = 1.2;

export async function* job(bench: GpuBench): AsyncGenerator<Measurement> {
  const modelDir = await writeWholeModel(bench.folder);
  const asked = await request(modelDir, bench, 3);
  const model = await readModelSizes(modelDir);
  const work = workOf(asked.settings, model);
  const limitBytes = leastBytes({ model, work, precision: "bf16", abilities: engineAbilities });
  const plans: readonly (readonly [string, MemoryWishes])[] = [
    ["the plan of this card", {}],
    ["the smallest plan", { limitBytes }],
  ];
  for (const [plan, vram] of plans) {
    await using engine = engineOf(bench, vram);
    const { result: video, peakBytes, beforeBytes } = await peakMemory(bench, () => timedVideo(engine, asked));
    const memory = { memoryBytes: peakBytes - beforeBytes, limitBytes: vram.limitBytes };
    yield* videoMeasurements(plan, video, bench.steps, memory);
  }
  await using engine = engineOf(bench, {});
  const long = await timedVideo(engine, await request(modelDir, { ...bench, steps: 2 }, longSections));
  yield {
    figure: `section ${longSections} against section 2`,
    value: long.sections.at(-1)!.samplingSeconds / long.sections[1]!.samplingSeconds,
    unit: "",
    aim: { atMost: 1.02 },
    detail: { seconds: long.sections.map(({ samplingSeconds }) => samplingSeconds), steps: 2 },
  };
}
const longSections = 50;

export interface TimedVideo {
  /** Until the first section is sampled: loading, encoders, conditions. */
  readonly readySeconds: number;
  readonly plan: readonly string[] | null;
  readonly sections: readonly TimedSection[];
}

interface TimedSection {
  readonly samplingSeconds: number;
  readonly decodingSeconds: number;
  /** Since the order, until its last frame was there. */
  readonly doneSeconds: number;
}

/** Makes a video and throws its pictures away. */
export async function timedVideo(engine: Engine, request: GenerationRequest): Promise<TimedVideo> {
  const begun = performance.now();
  const passed = () => (performance.now() - begun) / 1000;
  let [readySeconds, plan]: [number, readonly string[] | null] = [0, null];
  const sections: TimedSection[] = [];
  for await (const event of engine.generate(request, going)) {
    if (event.kind === "device") plan = event.memory;
    if (event.kind === "sampling" && event.section === 1) readySeconds = passed();
    if (event.kind !== "sectionDone") continue;
    const { samplingSeconds, decodingSeconds } = event;
    sections.push({ samplingSeconds, decodingSeconds, doneSeconds: passed() });
  }
  return { readySeconds, plan, sections };
}

function* videoMeasurements(
  name: string,
  { readySeconds, plan, sections }: TimedVideo,
  steps: number,
  memory: Record<string, unknown>,
): Generator<Measurement> {
  const each = (key: "samplingSeconds" | "decodingSeconds") => median(sections.slice(1).map((section) => section[key]));
  const [sampling, decoding] = [each("samplingSeconds"), each("decodingSeconds")];
  const whole = median(sections.slice(1).map(({ doneSeconds }, index) => doneSeconds - sections[index]!.doneSeconds));
  yield {
    figure: `${steps} steps and decoding under ${name}, per frame`,
    value: whole / (30 * sectionSeconds),
    unit: "s",
    detail: { sampling, decoding, plan, ...memory },
  };
  yield { figure: `ready under ${name}`, value: readySeconds, unit: "s", detail: { until: "the first section" } };
}

const engineOf = ({ device, libraryPath }: GpuBench, vram: Omit<MemoryWishes, "spatialTiles">): Engine =>
  createFramePackEngine({ device, vram, ...(libraryPath === undefined ? {} : { libraryPath }) });

/** A forward video of so many sections from a picture of noise. */
export async function request(
  modelDir: string,
  { size, steps }: Pick<GpuBench, "size" | "steps">,
  sections: number,
): Promise<GenerationRequest> {
  const settings = generationSettings.parse({
    prompt: "The girl dances gracefully, with clear movements, full of charm.",
    schedule: "forward",
    durationSeconds: sections * sectionSeconds,
    seed: 1,
    steps,
    previews: false,
    resolution: `${size.widthPx}x${size.heightPx}`,
  });
  return {
    modelDir,
    image: plainPicture("noise", { ...size, seed: 1 }),
    settings: resolveSettings(settings, await readManifest(modelDir), size, 1),
  };
}
