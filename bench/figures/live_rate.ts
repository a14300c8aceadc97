/**
 * Whether the embedded model makes video faster than it plays, with a viewer watching on the same machine.
 * @module
 */
import type { SessionEvent } from "../../src/session/mod.ts";
import { threads } from "../embedded_model.ts";
import { type Figure, type Measurement, median } from "../figure.ts";
import { launchViewerBrowser } from "../browser_viewer.ts";
import { startBenchServer } from "../server.ts";

export const liveRate: Figure = { name: "live-rate", what: "media seconds per wall second, one viewer", measure };

const durationSeconds = 24;
const [framesPerSection, frameRate] = [36, 30];

async function* measure(): AsyncGenerator<Measurement> {
  await using browser = await launchViewerBrowser();
  await using server = await startBenchServer();
  const { id, links } = await server.start({ durationSeconds: `${durationSeconds}`, schedule: "forward" });
  const viewer = await browser.open(server.address);
  await viewer.join(links.whep);
  const ends = await sectionEnds(server.events(id));
  await viewer.leave();
  const gaps = ends.slice(1).map((end, k) => end - ends[k]!);
  const seconds = ends.at(-1)! - ends[0]!;
  const mediaSeconds = gaps.length * framesPerSection / frameRate;
  yield {
    figure: "forward schedule, one viewer in Chromium on the same machine: media seconds per wall second",
    value: mediaSeconds / seconds,
    unit: "",
    aim: { atLeast: 1 },
    detail: { threads, sections: ends.length, seconds, medianSectionSeconds: median(gaps), slowest: Math.max(...gaps) },
  };
}

/** When each section was done, in seconds. */
async function sectionEnds(events: AsyncIterable<SessionEvent>): Promise<number[]> {
  const ends: number[] = [];
  for await (const { event, data } of events) {
    if (event === "progress" && data.timings.sections.length > ends.length) ends.push(performance.now() / 1000);
    if (event === "state" && data.state === "completed") return ends;
  }
  throw new Error("The session did not complete");
}
