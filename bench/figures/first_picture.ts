/**
 * How long a user looks at a still after pressing Generate, on a warm model.
 * @module
 */
import { type Figure, type Measurement, median } from "../figure.ts";
import { type BrowserViewer, launchViewerBrowser } from "../browser_viewer.ts";
import { type BenchServer, startBenchServer } from "../server.ts";

export const firstPicture: Figure = { name: "first-picture", what: "POST → first moving picture", measure };

const times = 5;

async function* measure(): AsyncGenerator<Measurement> {
  await using browser = await launchViewerBrowser();
  await using server = await startBenchServer();
  for (const schedule of ["inverted", "forward"]) {
    const seconds: number[] = [];
    for (let time = 0; time < times; time++) {
      const viewer = await browser.open(server.address);
      seconds.push(await firstMovingPicture(server, viewer, schedule));
      await viewer.leave();
    }
    yield {
      figure: `POST → first moving picture on screen in Chromium, warm model, ${schedule}`,
      value: median(seconds),
      unit: "s",
      aim: { atMost: 3 },
      detail: { seconds },
    };
  }
}

/** Seconds from the POST to the second generated frame on screen: the first may look like the still before it. */
async function firstMovingPicture(server: BenchServer, viewer: BrowserViewer, schedule: string): Promise<number> {
  const startedMs = Date.now();
  const { id, links } = await server.start({ durationSeconds: "5", schedule });
  const joined = viewer.join(links.whep);
  const firstTimestamp = await firstGenerated(server, id);
  await joined;
  await server.ended(id);
  const picture = (await viewer.shown()).find(({ rtpTimestamp }) => after(rtpTimestamp, firstTimestamp) > 0);
  if (!picture) throw new Error("No generated frame came on screen");
  return (picture.atMs - startedMs) / 1000;
}

/** RTP timestamp of the first frame that is no placeholder. */
async function firstGenerated(server: BenchServer, id: string): Promise<number> {
  for await (const { event, data } of server.events(id)) if (event === "playout") return data.rtpTimestamp;
  throw new Error("The session ended without a picture");
}

/** Ticks from `b` to `a`, across the wrap of 32 bits. */
const after = (a: number, b: number) => (a - b) | 0;
