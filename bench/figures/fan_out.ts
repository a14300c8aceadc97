/**
 * How many viewers one core can send to. Sender and receivers are processes of their own; only the sender's time counts,
 * the system's share of it included.
 * @module
 */
import type { SenderCost } from "../fan_out/stream.ts";
import { type Figure, type Measurement, median } from "../figure.ts";
import type { Reception } from "../receivers.ts";
import { type Script, startScript } from "../script.ts";

export const fanOut: Figure = { name: "fan-out", what: "viewers per core at 1.5 Mbit/s, 30 fps", measure };

const viewers = 50;
const seconds = 10;
const rounds = 3;

async function* measure(): AsyncGenerator<Measurement> {
  const native = Deno.env.get("FRAMECAST_BENCH_NODE_DATACHANNEL");
  const runs: Record<"product" | "native", Run[]> = { product: [], native: [] };
  for (let round = 0; round < rounds; round++) {
    runs.product.push(await run(startScript("fan_out/framecast_sender.ts", [])));
    if (native) runs.native.push(await run(startScript("fan_out/native_sender.ts", [native], ["--allow-all"])));
  }
  const product = medianRate(runs.product);
  yield {
    figure: `viewers per core at 1.5 Mbit/s and 30 fps, of ${viewers} viewers`,
    value: product,
    unit: "viewers",
    aim: { atLeast: 100 },
    detail: { runs: runs.product },
  };
  const packets = runs.product.reduce((sum, run) => sum + run.packets, 0);
  const lost = runs.product.reduce((sum, run) => sum + run.lost, 0);
  yield {
    figure: `… packets lost, of ${packets}`,
    value: lost,
    unit: "packets",
    aim: { atMost: 0 },
    detail: { packets, lateFrames: runs.product.map(({ lateFrames }) => lateFrames) },
  };
  if (!native) return;
  yield {
    figure: "… node-datachannel (native code) against it",
    value: medianRate(runs.native) / product,
    unit: "×",
    detail: { viewersPerCore: medianRate(runs.native), runs: runs.native },
  };
}

interface Run extends Reception {
  readonly viewersPerCore: number;
  /** Frames whose packets left more than 5 ms late, of `frames`. */
  readonly lateFrames: number;
  readonly frames: number;
}

const medianRate = (runs: readonly Run[]) => median(runs.map(({ viewersPerCore }) => viewersPerCore));

async function run(script: Script): Promise<Run> {
  await using sender = script;
  const address = await sender.nextLine();
  await using receivers = startScript("receivers.ts", [`${address}/whep`, `${viewers}`]);
  await receivers.nextLine();
  const before = await costOf(address);
  await receivers.tell(`${seconds}`);
  const reception: Reception = JSON.parse(await receivers.nextLine());
  const after = await costOf(address);
  const cores = (after.cpuSeconds - before.cpuSeconds) / (after.wallSeconds - before.wallSeconds);
  const frames = after.frames - before.frames;
  return { viewersPerCore: viewers / cores, ...reception, lateFrames: after.lateFrames - before.lateFrames, frames };
}

const costOf = async (address: string): Promise<SenderCost> => await (await fetch(`${address}/cost`)).json();
