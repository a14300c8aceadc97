/**
 * What showing costs the sampling on a GPU: a server as a user starts it, one viewer who does not decode, and previews.
 * @module
 */
import { basename, dirname, resolve } from "node:path";
import { type Measurement, median, percentile } from "../figure.ts";
import { ratiosOf, sampledInTurns, type SampledVideo, type TurnOptions, type Way } from "../sampling_ways.ts";
import { startBenchServer } from "../server.ts";
import type { Bench } from "./bench.ts";
import { writeWholeModel } from "./whole_model.ts";

/** Enough for previews; what showing costs is counted by the second, not by the step. */
const mostSteps = 5;
const sections = 3;

export async function* live(bench: Bench): AsyncGenerator<Measurement> {
  const { widthPx, heightPx } = bench.size;
  yield* liveCost(bench, await writeWholeModel(bench.folder), {
    rounds: bench.rounds,
    video: {
      durationSeconds: `${sections * 1.2}`,
      steps: `${Math.min(mostSteps, bench.steps)}`,
      resolution: `${widthPx}x${heightPx}`,
    },
    joiningSections: 1,
  });
}

const ways = {
  watched: { viewers: 1 },
  alone: { viewers: 0 },
  withoutPreviews: { viewers: 0, settings: { previews: "false" } },
} as const satisfies Record<string, Way>;
type Rounds = readonly Readonly<Record<keyof typeof ways, SampledVideo>>[];

export async function* liveCost(
  { device, libraryPath }: Pick<Bench, "device" | "libraryPath">,
  modelDir: string,
  options: TurnOptions,
): AsyncGenerator<Measurement> {
  await using server = await startBenchServer({
    FRAMECAST_DEVICE: device.kind === "cpu" ? "cpu" : `cuda:${device.index}`,
    FRAMECAST_MODELS_DIR: dirname(resolve(modelDir)),
    FRAMECAST_MODEL: basename(modelDir),
    ...(libraryPath === undefined ? {} : { FRAMECAST_ORT_LIBRARY: resolve(libraryPath) }),
  }, { ...options.video, durationSeconds: "1" });
  const rounds: Rounds = await sampledInTurns(server, ways, options);
  const previewsShown = rounds.reduce((sum, { watched }) => sum + watched.previewsShown, 0);
  const slower = (figure: string, ratios: readonly number[]): Measurement => ({
    figure,
    value: (median(ratios) - 1) * 100,
    unit: "%",
    aim: { atMost: 2 },
    detail: {
      ...{ ratios, quartiles: [percentile(ratios, 0.25), percentile(ratios, 0.75)], previewsShown },
      secondsPerSection: Object.fromEntries(
        Object.keys(ways).map((way) => [way, rounds.map((videos) => videos[way as keyof typeof ways].seconds)]),
      ),
      video: options.video,
    },
  });
  yield slower("sampling slowed by a live picture with one viewer", ratiosOf(rounds, "watched", "alone"));
  yield slower("sampling slowed by previews that nobody watches", ratiosOf(rounds, "alone", "withoutPreviews"));
}
