/**
 * How long a viewer who joins waits for a picture.
 * @module
 */
import { type Join, launchViewerBrowser } from "../browser_viewer.ts";
import { type Figure, type Measurement, median, percentile } from "../figure.ts";
import { startBenchServer } from "../server.ts";

export const joinTime: Figure = { name: "join", what: "WHEP POST → first decoded frame", measure };

const joins = 40;

async function* measure(): AsyncGenerator<Measurement> {
  await using browser = await launchViewerBrowser();
  await using server = await startBenchServer();
  const { id, links } = await server.start({ durationSeconds: "2" });
  await server.ended(id);
  const done: Join[] = [];
  for (let join = 0; join < joins; join++) {
    const viewer = await browser.open(server.address);
    done.push(await viewer.join(links.whep));
    await viewer.leave();
  }
  const decoded = done.map(({ decodedMs }) => decodedMs);
  yield {
    figure: `WHEP POST → first decoded frame in Chromium, p95 of ${joins} joins`,
    value: percentile(decoded, 0.95),
    unit: "ms",
    aim: { atMost: 300 },
    detail: {
      medianMs: median(decoded),
      leastMs: Math.min(...decoded),
      mostMs: Math.max(...decoded),
      medianAnswerMs: median(done.map(({ answeredMs }) => answeredMs)),
    },
  };
}
