/**
 * How long a player of `live.ts` waits for the first picture, and how much it has to read for that, while somebody else is
 * watching the same.
 * @module
 */
import { type Figure, type Measurement, median, percentile } from "../figure.ts";
import { untilPhase } from "../phase.ts";
import { startBenchServer } from "../server.ts";
import { readTransportStream } from "../transport_stream.ts";

export const liveTsJoin: Figure = { name: "live-ts-join", what: "GET live.ts → first whole picture", measure };

const sizes = ["96x96", "768x512"] as const;
const joins = 40;

async function* measure(): AsyncGenerator<Measurement> {
  await using server = await startBenchServer({ FRAMECAST_ENGINE: "test-pattern" });
  for (const resolution of sizes) {
    const { id, links } = await server.start({ durationSeconds: "4", resolution });
    await server.ended(id);
    const url = `${server.address}${links.liveTs}?view=edge&wait=loop`;
    await using _watcher = await readTransportStream(url);
    const done: Join[] = [];
    for (let join = 0; join < joins; join++) {
      await untilPhase((join + 0.5) / joins);
      done.push(await firstPicture(url));
    }
    yield measurementOf(resolution, done);
  }
}

interface Join {
  readonly pictureMs: number;
  /** Up to the end of the first picture. */
  readonly bytes: number;
}

function measurementOf(resolution: string, done: readonly Join[]): Measurement {
  const pictureMs = done.map(({ pictureMs }) => pictureMs);
  const bytes = done.map(({ bytes }) => bytes);
  return {
    figure: `GET live.ts → first whole picture, ${resolution.replace("x", " × ")}, p95 of ${joins} joins at all phases`,
    value: percentile(pictureMs, 0.95),
    unit: "ms",
    aim: { atMost: 300 },
    detail: {
      medianMs: median(pictureMs),
      mostMs: Math.max(...pictureMs),
      medianKilobytes: median(bytes) / 1000,
      mostKilobytes: Math.max(...bytes) / 1000,
    },
  };
}

/** The first picture ends where the second one begins: it has arrived with the last bytes before. */
async function firstPicture(url: string): Promise<Join> {
  const startMs = performance.now();
  const response = await fetch(url);
  let [received, join] = [new Uint8Array(), { pictureMs: Number.NaN, bytes: 0 }];
  for await (const chunk of response.body!) {
    const nowMs = performance.now() - startMs;
    received = joined(received, chunk);
    const [first, second] = pictureStarts(received);
    if (first === undefined) continue;
    join = { pictureMs: nowMs, bytes: second ?? received.length };
    if (second !== undefined) return join; // and leaves
  }
  throw new Error("The stream ended before its first picture");
}

const packetBytes = 188;

/** Where packets begin that begin a picture (ISO/IEC 13818-1, 2.4.3.3): in them starts a PES packet of video. */
function pictureStarts(stream: Uint8Array): number[] {
  const starts: number[] = [];
  for (let at = 0; at + packetBytes <= stream.length; at += packetBytes) {
    if (stream[at] !== 0x47) throw new Error(`No packet at byte ${at}`);
    const hasStart = (stream[at + 1]! & 0x40) !== 0;
    const adaptationBytes = (stream[at + 3]! & 0x20) !== 0 ? 1 + stream[at + 4]! : 0;
    const payload = stream.subarray(at + 4 + adaptationBytes, at + packetBytes);
    const isVideo = payload[0] === 0 && payload[1] === 0 && payload[2] === 1 && (payload[3]! & 0xf0) === 0xe0;
    if (hasStart && isVideo) starts.push(at);
  }
  return starts;
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(a.length + b.length);
  whole.set(a);
  whole.set(b, a.length);
  return whole;
}
