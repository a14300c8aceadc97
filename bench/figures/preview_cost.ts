/**
 * What previews cost the sampling: the same sections with and without, in turns, in an engine process as the server has
 * it. And one preview alone at a published size, against whose steps of seconds it is nothing.
 * @module
 */
import type { Engine } from "../../src/engine/mod.ts";
import { createProcessEngine } from "../../src/engine/process_engine.ts";
import {
  beginHistory,
  hunyuanVideoRgb,
  planSections,
  previewClip,
  torchNormal,
} from "../../src/engine/sampling/mod.ts";
import { exampleRequest, idleThreads, threads } from "../embedded_model.ts";
import { type BenchOptions, type Figure, type Measurement, median, percentile, timed, timingOf } from "../figure.ts";

export const previewCost: Figure = {
  name: "preview-cost",
  what: "sampling with previews against sampling without",
  measure,
};

const sections = 5;
/** Videos are short, so that both of a pair meet the same machine; one ratio alone would still tell little. */
const pairsPerRound = 3;
const signal = new AbortController().signal;

async function* measure({ rounds }: BenchOptions): AsyncGenerator<Measurement> {
  await using engine = createProcessEngine({ device: { kind: "cpu" }, threads, idleThreads });
  for (const previews of ["shown", "hidden"] as const) await sampledVideo(engine, previews); // graphs, warm code
  const pairs: { shown: SampledVideo; hidden: SampledVideo }[] = [];
  while (pairs.length < rounds * pairsPerRound) {
    // Who comes second finds the machine otherwise than who comes first.
    const isOdd = pairs.length % 2 === 1;
    const first = await sampledVideo(engine, isOdd ? "hidden" : "shown");
    const second = await sampledVideo(engine, isOdd ? "shown" : "hidden");
    pairs.push(isOdd ? { shown: second, hidden: first } : { shown: first, hidden: second });
  }
  const ratios = pairs.map(({ shown, hidden }) => shown.seconds / hidden.seconds);
  const previews = pairs.reduce((sum, { shown }) => sum + shown.previews, 0);
  if (previews === 0) throw new Error("There were no previews");
  yield {
    figure: "sampling with previews against without",
    value: median(ratios),
    unit: "×",
    aim: { atMost: 1.05 },
    detail: {
      ...{ pairs: pairs.length, sections, threads, previewsPerSection: previews / pairs.length / sections },
      quartiles: [percentile(ratios, 0.25), percentile(ratios, 0.75)],
      secondsPerSection: {
        shown: timingOf(pairs.map(({ shown }) => shown.seconds)),
        hidden: timingOf(pairs.map(({ hidden }) => hidden.seconds)),
      },
    },
  };
  yield await publishedPreview(rounds);
}

interface SampledVideo {
  /** Median of its sections' sampling. */
  readonly seconds: number;
  /** How many arrived. */
  readonly previews: number;
}

/** One video of the embedded model. */
async function sampledVideo(engine: Engine, previews: "shown" | "hidden"): Promise<SampledVideo> {
  const { settings, ...rest } = await exampleRequest(sections * 36 / 30);
  const request = { ...rest, settings: { ...settings, previews: previews === "shown" } };
  const seconds: number[] = [];
  let clips = 0;
  for await (const event of engine.generate(request, signal)) {
    if (event.kind === "preview") clips++;
    if (event.kind === "sectionDone") seconds.push(event.samplingSeconds);
  }
  return { seconds: median(seconds), previews: clips };
}

async function publishedPreview(rounds: number): Promise<Measurement> {
  const size = { widthPx: 832, heightPx: 480 };
  const shape = { channels: 16, height: size.heightPx / 8, width: size.widthPx / 8 };
  const [section] = planSections({ durationSeconds: 1, schedule: "forward", windowLatentFrames: 9 });
  const normal = torchNormal(1);
  const frame = shape.channels * shape.height * shape.width;
  const history = beginHistory("forward", normal(frame));
  const step = { step: 1, of: 25, denoised: normal(9 * frame) };
  const seconds: number[] = [];
  for (let round = 0; round <= rounds; round++) {
    const taken = await timed(() => Promise.resolve(previewClip(section!, history, step, shape, hunyuanVideoRgb)));
    if (round > 0) seconds.push(taken);
  }
  const timing = timingOf(seconds);
  return { figure: "one preview at 832 × 480", value: timing.median * 1000, unit: "ms", detail: { seconds: timing } };
}
