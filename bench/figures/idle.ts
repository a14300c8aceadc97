/**
 * What a session costs that is over and still has a viewer: nothing changes on the screen.
 * @module
 */
import type { Figure, Measurement } from "../figure.ts";
import { cpuSecondsOf, familyOf } from "../processes.ts";
import type { Reception } from "../receivers.ts";
import { startScript } from "../script.ts";
import { type BenchServer, startBenchServer } from "../server.ts";

export const idle: Figure = {
  name: "idle",
  what: "bits and processor time of a picture that does not change",
  measure,
};

const sizes = ["96x96", "768x512"] as const;
const settleMs = 10_000;
const seconds = 30;

async function* measure(): AsyncGenerator<Measurement> {
  await using server = await startBenchServer({ FRAMECAST_ENGINE: "test-pattern" });
  for (const resolution of sizes) {
    const { id, links } = await server.start({ durationSeconds: "2", resolution });
    await server.ended(id);
    const { kilobitsPerSecond, coreShare } = await costOf(server, `${links.whep}?view=arrival&wait=hold`);
    const size = resolution.replace("x", " × ");
    yield {
      figure: `one viewer of a still picture, ${size}: bitrate`,
      value: kilobitsPerSecond,
      unit: "kbit/s",
      aim: { atMost: 100 },
      detail: { seconds },
    };
    yield {
      figure: "… server and encoder",
      value: coreShare * 100,
      unit: "% of a core",
      aim: { atMost: 5 },
      detail: { seconds },
    };
  }
}

/** Of packets with their headers, below UDP nothing; of the server and every process it has. */
async function costOf(
  server: BenchServer,
  whepPath: string,
): Promise<{ readonly kilobitsPerSecond: number; readonly coreShare: number }> {
  await using viewer = startScript("receivers.ts", [server.address + whepPath, "1"]);
  await viewer.nextLine();
  await new Promise((resolve) => setTimeout(resolve, settleMs));
  const [before, startMs] = [cpuSecondsOf(await familyOf(server.pid)), performance.now()];
  await viewer.tell(`${seconds}`);
  const { bytes }: Reception = JSON.parse(await viewer.nextLine());
  const [after, endMs] = [cpuSecondsOf(await familyOf(server.pid)), performance.now()];
  return { kilobitsPerSecond: bytes * 8 / 1000 / seconds, coreShare: (after - before) / ((endMs - startMs) / 1000) };
}
