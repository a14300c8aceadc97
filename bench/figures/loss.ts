/**
 * What a viewer sees over a line that loses packets of both directions, chosen by a seeded generator.
 * @module
 */
import { openLossyLine } from "../../tests/lossy_line.ts";
import { randomOf } from "../../tests/seeded.ts";
import { launchViewerBrowser, type ShownPicture, type ViewerBrowser } from "../browser_viewer.ts";
import { type BenchOptions, type Figure, type Measurement, percentile } from "../figure.ts";
import { type BenchServer, startBenchServer } from "../server.ts";

export const loss: Figure = { name: "loss", what: "freezes of a viewer who loses 2 % and 5 % of all packets", measure };

const lossShares = [0.02, 0.05] as const;
const freezeMs = 500;

async function* measure({ minutes = 1 }: BenchOptions): AsyncGenerator<Measurement> {
  await using browser = await launchViewerBrowser();
  await using server = await startBenchServer({ FRAMECAST_ENGINE: "test-pattern" });
  const { id, links } = await server.start({ durationSeconds: "4", resolution: "768x512" });
  await server.ended(id);
  for (const lossShare of lossShares) yield await watch({ browser, server, whep: links.whep, lossShare, minutes });
}

/** The newest section, again and again: there is always something that moves. */
async function watch(
  { browser, server, whep, lossShare, minutes }: {
    readonly browser: ViewerBrowser;
    readonly server: BenchServer;
    readonly whep: string;
    readonly lossShare: number;
    readonly minutes: number;
  },
): Promise<Measurement> {
  await using line = openLossyLine({ server: server.address, lossShare, random: randomOf(1) });
  const viewer = await browser.open(line.url);
  await viewer.join(`${whep}?view=edge&wait=loop`);
  await new Promise((resolve) => setTimeout(resolve, minutes * 60_000));
  const pauses = pausesOf(await viewer.shown());
  const { packetsLost, framesDecoded, nackCount, pliCount } = await viewer.received();
  await viewer.leave();
  return {
    figure: `${lossShare * 100} % of all packets lost for ${minutes * 60} s: freezes over ${freezeMs} ms in Chromium`,
    value: pauses.filter((pauseMs) => pauseMs > freezeMs).length,
    unit: "freezes",
    aim: { atMost: 0 },
    detail: {
      longestPauseMs: Math.max(...pauses),
      pauseMs95: percentile(pauses, 0.95),
      framesDecoded,
      ...{ packetsLost, nackCount, pliCount },
      line: { passed: line.passed, lost: line.lost },
    },
  };
}

/** From one picture on screen to the next. */
function pausesOf(shown: readonly ShownPicture[]): number[] {
  return shown.slice(1).map(({ atMs }, k) => atMs - shown[k]!.atMs);
}
