/**
 * Viewers of a channel who come and go: some say that they leave and some do not, some choose another view meanwhile. One
 * stays all the time.
 *
 *     deno run … bench/soak_viewers.ts WHEP_URL SEED
 *
 * Prints "watching" with the first picture of the one who stays, and a `SoakCount` for each line it is told; "leave" is
 * the last one, before which everybody leaves.
 * @module
 */
import { randomOf } from "../tests/seeded.ts";
import { type CountingPeer, joinCounting } from "./counting_peer.ts";
import { linesOf } from "./lines.ts";

export interface SoakCount {
  readonly joins: number;
  readonly viewsChosen: number;
  /** Without a word to the server. */
  readonly vanished: number;
  /** Who were refused, or got no picture within five seconds of their offer. */
  readonly withoutPicture: number;
  /** Who got no packet for three seconds while they watched. */
  readonly stuck: number;
  /** Of those who were still at something ten seconds after they should have left: what it was. */
  readonly hanging: readonly string[];
  readonly longestPauseMs: number;
}

const [url, seed] = Deno.args;
const random = randomOf(Number(seed));
const atATime = 6;
const [joinLimitMs, stuckMs, leaveLimitMs] = [5000, 3000, 10_000];
const views = ["arrival", "growing", "timeline", "edge"] as const;
const counts = { joins: 0, viewsChosen: 0, vanished: 0, withoutPicture: 0, stuck: 0, longestPauseMs: 0 };
/** What each visit is at. */
const phases = new Map<symbol, string>();
const leaving = new AbortController();

const { promise: everybodyWatches, resolve: watching } = Promise.withResolvers<void>();
const steady = watch({ staysMs: Infinity, endsWith: "word", onPicture: watching });
await everybodyWatches;
print("watching");
const crowd = Array.from({ length: atATime }, async () => {
  while (!leaving.signal.aborted) {
    await watch({ staysMs: 1000 + 9000 * random(), endsWith: random() < 0.4 ? "silence" : "word" });
  }
});
for await (const line of linesOf(Deno.stdin.readable)) {
  if (line === "leave") {
    leaving.abort();
    await Promise.race([Promise.all([steady, ...crowd]), new Promise((resolve) => setTimeout(resolve, leaveLimitMs))]);
  }
  print(JSON.stringify({ ...counts, hanging: [...phases.values()] } satisfies SoakCount));
  if (line === "leave") break;
}
Deno.exit(0);

interface Visit {
  readonly staysMs: number;
  readonly endsWith: "word" | "silence";
  readonly onPicture?: () => void;
}

async function watch(visit: Visit): Promise<void> {
  const key = Symbol();
  try {
    await visitChannel(visit, (phase) => phases.set(key, phase));
  } finally {
    phases.delete(key);
  }
}

async function visitChannel({ staysMs, endsWith, onPicture }: Visit, at: (phase: string) => void): Promise<void> {
  let pauses: ReturnType<typeof createPauseWatch> | undefined;
  const { promise: picture, resolve } = Promise.withResolvers<"picture">();
  at("joining");
  const peer = await joinCounting(`${url}?view=${oneOf(views)}`, () => {
    (pauses ??= createPauseWatch()).packet();
    resolve("picture");
  }).catch(() => undefined);
  if (!peer) {
    counts.withoutPicture++;
    return await pause(1000);
  }
  counts.joins++;
  at("waiting for a picture");
  if (await Promise.race([picture, pause(joinLimitMs)]) === "picture") {
    onPicture?.();
    at("watching");
    await stay(peer, staysMs);
    pauses?.end();
  } else if (!leaving.signal.aborted) counts.withoutPicture++;
  at("leaving");
  if (endsWith === "word") await fetch(peer.location, { method: "DELETE" }).then((response) => response.body?.cancel());
  else counts.vanished++;
  at("closing");
  await peer.close();
}

/** Every other one chooses another view after half of its time. */
async function stay({ location }: CountingPeer, staysMs: number): Promise<void> {
  await pause(staysMs / 2);
  if (random() < 0.5 && !leaving.signal.aborted) {
    const body = JSON.stringify({ view: oneOf(views) });
    const headers = { "content-type": "application/json" };
    const response = await fetch(`${location}/view`, { method: "PUT", headers, body });
    await response.body?.cancel();
    if (response.ok) counts.viewsChosen++;
  }
  await pause(staysMs / 2);
}

/** From the first packet on. */
function createPauseWatch(): { packet(): void; end(): void } {
  let [lastMs, state] = [performance.now(), "well" as "well" | "stuck"];
  const look = () => {
    const pauseMs = performance.now() - lastMs;
    counts.longestPauseMs = Math.max(counts.longestPauseMs, pauseMs);
    if (pauseMs < stuckMs || state === "stuck") return;
    state = "stuck";
    counts.stuck++;
  };
  return {
    packet() {
      look();
      lastMs = performance.now();
    },
    end: look,
  };
}

function oneOf<Value>(values: readonly Value[]): Value {
  return values[Math.floor(random() * values.length)]!;
}

/** Or until everybody leaves. */
function pause(ms: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (leaving.signal.aborted) return Promise.resolve();
  const end = () => {
    clearTimeout(timer);
    leaving.signal.removeEventListener("abort", end);
    resolve();
  };
  const timer = ms < Infinity ? setTimeout(end, ms) : undefined;
  leaving.signal.addEventListener("abort", end);
  return promise;
}

function print(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}
