/**
 * How long a viewer who joins waits for a picture, while somebody else is watching: wherever the stream is between two
 * key frames, the newcomer gets what it needs at once.
 * @module
 */
import { canImport, watchWith } from "../../tests/whep_program.ts";
import { type BrowserViewer, launchViewerBrowser, launchViewerFirefox } from "../browser_viewer.ts";
import { type Figure, type Measurement, median, MissingError, percentile } from "../figure.ts";
import { untilPhase } from "../phase.ts";
import { readyViewer } from "../ready_viewer.ts";
import { startBenchServer } from "../server.ts";

export const joinTime: Figure = { name: "join", what: "WHEP POST → first decoded frame", measure };

const joins = 60;

async function* measure(): AsyncGenerator<Measurement> {
  await using server = await startBenchServer();
  const { id, links } = await server.start({ durationSeconds: "2" });
  await server.ended(id);
  await using watcher = await readyViewer();
  await watcher.join(`${server.address}${links.whep}`);
  const missing: string[] = [];
  for (const launch of [launchViewerBrowser, launchViewerFirefox, launchAiortc]) {
    try {
      await using client = await launch();
      yield measurementOf(client.name, await joinsOf(client, server.address, links.whep));
    } catch (error) {
      if (!(error instanceof MissingError)) throw error;
      missing.push(error.message);
    }
  }
  if (missing.length > 0) throw new MissingError(missing.join(", "));
}

interface Client extends AsyncDisposable {
  readonly name: string;
  open(address: string): Promise<Pick<BrowserViewer, "join" | "leave">>;
}

/** Milliseconds of each join, at moments spread evenly over the time between two key frames. */
async function joinsOf(client: Client, address: string, whepPath: string): Promise<number[]> {
  const decodedMs: number[] = [];
  for (let join = 0; join < joins; join++) {
    const viewer = await client.open(address);
    await untilPhase((join + 0.5) / joins);
    decodedMs.push((await viewer.join(whepPath)).decodedMs);
    await viewer.leave();
  }
  return decodedMs;
}

function measurementOf(name: string, decodedMs: readonly number[]): Measurement {
  return {
    figure: `WHEP POST → first decoded frame in ${name}, p95 of ${joins} joins at all phases`,
    value: percentile(decodedMs, 0.95),
    unit: "ms",
    aim: { atMost: 300 },
    detail: { medianMs: median(decodedMs), leastMs: Math.min(...decodedMs), mostMs: Math.max(...decodedMs) },
  };
}

/** Every join is a process of its own; its start is not counted. */
async function launchAiortc(): Promise<Client> {
  if (!await canImport("import aiortc, numpy")) throw new MissingError("no python3-aiortc is installed");
  return {
    name: "aiortc",
    open: (address) =>
      Promise.resolve({
        async join(whepPath) {
          const { firstFrameSeconds } = await watchWith("whep_aiortc_client.py", `${address}${whepPath}`, "1", "vp8");
          return { answeredMs: Number.NaN, decodedMs: firstFrameSeconds * 1000 };
        },
        leave: () => Promise.resolve(), // it has
      }),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}
