/**
 * What one more viewer of the same picture costs, and what one more picture: a view of its own is played out, encoded and
 * packetized by itself.
 * @module
 */
import type { Figure, Measurement } from "../figure.ts";
import { cpuSecondsOf, familyOf } from "../processes.ts";
import { type Script, startScript } from "../script.ts";
import { startBenchServer } from "../server.ts";

export const viewCost: Figure = {
  name: "view-cost",
  what: "processor time of one more viewer, and of one more view",
  measure,
};

const sizes = ["96x96", "768x512"] as const;
const settleMs = 3000;
const seconds = 15;

async function* measure(): AsyncGenerator<Measurement> {
  await using server = await startBenchServer({ FRAMECAST_ENGINE: "test-pattern" });
  for (const resolution of sizes) {
    const { id, links } = await server.start({ durationSeconds: "4", resolution });
    await server.ended(id);
    const watch = (views: readonly string[], viewers: number) =>
      coreShare(server.pid, views.map((view) => `${server.address}${links.whep}?view=${view}&wait=loop`), viewers);
    const one = await watch(["edge"], 1);
    const eleven = await watch(["edge"], 11);
    const four = await watch(["edge", "arrival", "growing", "timeline"], 1);
    const size = resolution.replace("x", " × ");
    const detail = {
      seconds,
      percentOfACore: { oneViewer: one * 100, elevenViewers: eleven * 100, fourViews: four * 100 },
    };
    yield { figure: `one viewer more, ${size}`, value: (eleven - one) * 10, unit: "% of a core", detail };
    yield {
      figure: `one view more, ${size}, of server and encoder`,
      value: (four - one) * 100 / 3,
      unit: "% of a core",
      detail,
    };
  }
}

/** Of the server and every process it has, while so many viewers watch at each address. */
async function coreShare(pid: number, urls: readonly string[], viewers: number): Promise<number> {
  const scripts: Script[] = urls.map((url) => startScript("receivers.ts", [url, `${viewers}`]));
  try {
    await Promise.all(scripts.map((script) => script.nextLine()));
    await new Promise((resolve) => setTimeout(resolve, settleMs));
    const [before, startMs] = [cpuSecondsOf(await familyOf(pid)), performance.now()];
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
    return (cpuSecondsOf(await familyOf(pid)) - before) / ((performance.now() - startMs) / 1000);
  } finally {
    for (const script of scripts) await script[Symbol.asyncDispose]();
  }
}
