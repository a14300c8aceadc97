/**
 * A channel on air for hours: one session after the other, viewers who come and go, encoders that are killed. Whatever it
 * takes has to be given back. Time is compressed by leaving out the waiting between sessions; the viewers are as quick as
 * they would be.
 * @module
 */
import { randomOf } from "../../tests/seeded.ts";
import { type BenchOptions, type Figure, type Measurement, median } from "../figure.ts";
import { familyOf, type ProcessState } from "../processes.ts";
import { type Script, startScript } from "../script.ts";
import { type BenchServer, startBenchServer } from "../server.ts";
import type { SoakCount } from "../soak_viewers.ts";
import { readTransportStream, type StreamReader } from "../transport_stream.ts";

export const soak: Figure = { name: "soak", what: "a channel with 50 sessions and viewers who come and go", measure };

const sessions = 50;
const onAirHours = 6;
const samplesPerSession = 2;
/** The server may forget a viewer who vanished while it connected (15 s), and encoders run on for 5 s after the last. */
const silenceMs = 25_000;
/** A player of live.ts that got nothing for so long counts as stuck, as other viewers do. */
const stuckMs = 3000;
/** Sizes change between sessions, as they do. */
const sizes = ["96x96", "192x128", "128x192"] as const;

interface Sample {
  readonly minute: number;
  readonly server: ProcessState;
  readonly encoders: number;
  readonly zombies: readonly number[];
}

async function* measure({ minutes = 10 }: BenchOptions): AsyncGenerator<Measurement> {
  await using server = await startBenchServer({ FRAMECAST_ENGINE: "test-pattern", FRAMECAST_QUEUE_LIMIT: "100" });
  const before = await sampleOf(server, 0);
  await using viewers = startScript("soak_viewers.ts", [`${server.address}/api/channels/soak/whep`, "1"]);
  await viewers.nextLine();
  await using stream = await readTransportStream(`${server.address}/api/channels/soak/live.ts`);
  const samples = await onAir(server, minutes);
  const liveTs = { state: stream.state, longestPauseMs: stream.longestPauseMs };
  await stream[Symbol.asyncDispose]();
  const count = await leave(viewers);
  await pause(silenceMs);
  const after = await sampleOf(server, minutes);
  const compressed = `${onAirHours} h with ${sessions} sessions → ${minutes} min with as many; viewers are not`;
  yield* measurementsOf({ samples, count, before, after, liveTs, detail: { compressed, liveTs, ...count } });
}

/** Starts a session whenever one's time has come, kills an encoder during every other one, and looks at the server. */
async function onAir(server: BenchServer, minutes: number): Promise<Sample[]> {
  const random = randomOf(2);
  const startMs = performance.now();
  const samples: Sample[] = [];
  for (let moment = 0; moment < sessions * samplesPerSession; moment++) {
    const session = moment / samplesPerSession;
    if (Number.isInteger(session)) {
      await server.start({ channel: "soak", durationSeconds: "2", resolution: sizes[session % sizes.length]! });
    } else if (Math.floor(session) % 2 === 0) await killEncoder(server, random);
    const dueMs = (moment + 1) / (sessions * samplesPerSession) * minutes * 60_000;
    await pause(startMs + dueMs - performance.now());
    samples.push(await sampleOf(server, (performance.now() - startMs) / 60_000));
  }
  return samples;
}

async function sampleOf({ pid }: BenchServer, minute: number): Promise<Sample> {
  const [server, ...children] = await familyOf(pid);
  const living = children.filter(({ state }) => state !== "Z");
  return {
    minute,
    server: server!,
    encoders: living.filter(({ program }) => program === "ffmpeg").length,
    zombies: children.filter(({ state }) => state === "Z").map(({ pid }) => pid),
  };
}

/** One of a live picture; a file that is being written would be lost, as it should. */
async function killEncoder({ pid }: BenchServer, random: () => number): Promise<void> {
  const encoders = (await familyOf(pid)).filter(({ arguments: words }) =>
    words.at(-1) === "pipe:1" && ["ivf", "flv"].includes(words.at(-2)!)
  );
  const encoder = encoders[Math.floor(random() * encoders.length)];
  try {
    if (encoder) Deno.kill(encoder.pid, "SIGKILL");
  } catch { // it has just ended
  }
}

async function leave(viewers: Script): Promise<SoakCount> {
  await viewers.tell("leave");
  return JSON.parse(await viewers.nextLine());
}

function* measurementsOf(
  { samples, count, liveTs, before, after, detail }: {
    readonly samples: readonly Sample[];
    readonly count: SoakCount;
    readonly liveTs: Pick<StreamReader, "state" | "longestPauseMs">;
    readonly before: Sample;
    readonly after: Sample;
    readonly detail: Readonly<Record<string, unknown>>;
  },
): Generator<Measurement> {
  const quarter = Math.floor(samples.length / 4);
  const memoryOf = (part: readonly Sample[]) => median(part.map(({ server }) => server.memory.resident));
  const [early, late] = [memoryOf(samples.slice(quarter, 2 * quarter)), memoryOf(samples.slice(-quarter))];
  yield {
    figure: `${sessions} sessions on one channel, ${count.joins} viewers: the server's memory in the last quarter, ` +
      "against the second",
    value: late / early,
    unit: "×",
    aim: { atMost: 1.1 },
    detail: { ...detail, earlyMiB: early, lateMiB: late, samples: samples.map(briefly) },
  };
  const isPlaying = liveTs.state === "reading" && liveTs.longestPauseMs < stuckMs;
  const stuck = count.stuck + count.withoutPicture + count.hanging.length + (isPlaying ? 0 : 1);
  yield { figure: "… stuck viewers", value: stuck, unit: "viewers", aim: { atMost: 0 }, detail };
  const lasting = samples.slice(1).flatMap(({ zombies }, k) =>
    zombies.filter((pid) => samples[k]!.zombies.includes(pid))
  );
  yield { figure: "… zombie processes", value: lasting.length, unit: "processes", aim: { atMost: 0 }, detail: {} };
  yield {
    figure: "… encoders and UDP sockets left when everybody has gone",
    value: after.encoders + after.zombies.length + after.server.udpSockets,
    unit: "",
    aim: { atMost: 0 },
    detail: { before: briefly(before), after: briefly(after) },
  };
}

function briefly({ minute, server, encoders, zombies }: Sample): Readonly<Record<string, number>> {
  const { memory, openFiles, udpSockets } = server;
  const [residentMiB, anonymousMiB] = [memory.resident, memory.anonymous].map(Math.round) as [number, number];
  return {
    minute: Number(minute.toFixed(2)),
    residentMiB,
    anonymousMiB,
    openFiles,
    udpSockets,
    encoders,
    zombies: zombies.length,
  };
}

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, Math.max(0, ms)));
