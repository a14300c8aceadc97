/**
 * What a viewer costs the sampling: playout, encoder process and packets run on the same processors as the engine.
 * @module
 */
import { threads } from "../embedded_model.ts";
import { type BenchOptions, type Figure, type Measurement, timingOf } from "../figure.ts";
import { startScript } from "../script.ts";
import { type BenchServer, startBenchServer } from "../server.ts";

export const streamingCost: Figure = { name: "streaming-cost", what: "sampling slowed by one viewer", measure };

const durationSeconds = 36;
const joiningSections = 12;

async function* measure({ rounds }: BenchOptions): AsyncGenerator<Measurement> {
  await using server = await startBenchServer();
  const seconds: { watched: number[]; alone: number[] } = { watched: [], alone: [] };
  for (let round = 0; round < rounds; round++) {
    for (const way of ["alone", "watched"] as const) seconds[way].push(...await samplingSeconds(server, way));
  }
  const [watched, alone] = [timingOf(seconds.watched), timingOf(seconds.alone)];
  yield {
    figure: "sampling of a section slowed by streaming to one viewer (who does not decode here)",
    value: (watched.median / alone.median - 1) * 100,
    unit: "%",
    aim: { atMost: 5 },
    detail: { threads, sections: seconds.alone.length, seconds: { watched, alone } },
  };
}

/** Of the sections of one video; without the first ones, during which the viewer starts and joins. */
async function samplingSeconds(server: BenchServer, way: "alone" | "watched"): Promise<number[]> {
  const { id, links } = await server.start({ durationSeconds: `${durationSeconds}`, schedule: "forward" });
  await using _viewer = way === "watched" ? await startViewer(`${server.address}${links.whep}`) : undefined;
  const joinedAfter = (await server.view(id)).timings.sections.length;
  if (joinedAfter > joiningSections) throw new Error(`The viewer joined after section ${joinedAfter} only`);
  const { timings } = await server.ended(id);
  return timings.sections.slice(joiningSections).map(({ samplingSeconds }) => samplingSeconds);
}

async function startViewer(url: string): Promise<AsyncDisposable> {
  const viewer = startScript("silent_viewer.ts", [url]);
  if (await viewer.nextLine() !== "watching") throw new Error("The viewer got no picture");
  return viewer;
}
