/**
 * What this server has made since it began, in numbers.
 * @module
 */
import type { LiveStats, LiveStream, RenditionCounts, RenditionStats, ViewerStats } from "../stream/mod.ts";
import { Histogram, type HistogramCounts } from "./histogram.ts";
import type { SessionState, SessionView } from "./view.ts";

/** From a warm small model on a server to a large one on a laptop. */
const sectionBounds = [0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000];

export type EndState = Exclude<SessionState, "queued" | "running">;

/** Pictures of one kind, of all sessions and channels together. */
export type RenditionTotals =
  & RenditionCounts
  & Pick<RenditionStats, "codec" | "quality">
  & { readonly view: string; readonly running: number };

export interface LiveTotals {
  readonly renditions: readonly RenditionTotals[];
  readonly sent: LiveStats["sent"];
  /** WebRTC viewers that are here now. */
  readonly viewers: readonly ViewerStats[];
  /** Readers of transport streams that are here now. */
  readonly transportReaders: number;
}

const countNames = [
  "picturesEncoded",
  "picturesDropped",
  "keyFrames",
  "bytes",
  "encoderRestarts",
] as const satisfies readonly (keyof RenditionCounts)[];

export class Figures {
  readonly #sampling = new Histogram(sectionBounds);
  readonly #decoding = new Histogram(sectionBounds);
  readonly #ended: Record<EndState, number> = { completed: 0, stopped: 0, failed: 0 };
  #realTimeFactor: number | null = null;
  /** Of live streams that are no more. */
  readonly #renditions = new Map<string, RenditionTotals>();
  #sent: LiveStats["sent"] = { viewers: 0, packets: 0, bytes: 0, repeats: 0 };

  /** A section is done; its times stand last in the timings. */
  sectionDone({ sections, realTimeFactor }: SessionView["timings"]): void {
    const section = sections.at(-1);
    if (!section) return;
    this.#sampling.observe(section.samplingSeconds);
    this.#decoding.observe(section.decodingSeconds);
    this.#realTimeFactor = realTimeFactor;
  }

  ended(state: EndState): void {
    this.#ended[state]++;
  }

  /** Of all finished sections. */
  get sectionSeconds(): { readonly sampling: HistogramCounts; readonly decoding: HistogramCounts } {
    return { sampling: this.#sampling.counts, decoding: this.#decoding.counts };
  }

  /** Of the newest section; null before the first. */
  get realTimeFactor(): number | null {
    return this.#realTimeFactor;
  }

  /** Sessions that have ended since then, by how. */
  get endedSessions(): Readonly<Record<EndState, number>> {
    return this.#ended;
  }

  /** A live stream has been disposed of: what it has done still counts. */
  streamEnded({ renditions, sent }: LiveStats): void {
    for (const rendition of renditions) addRendition(this.#renditions, { ...rendition, state: "stopped" });
    this.#sent = sumOfSent(this.#sent, sent);
  }

  /** @param streams those that are there; none that `streamEnded` was told of */
  liveTotals(streams: readonly LiveStream[]): LiveTotals {
    const stats = streams.map((live) => live.stats());
    const renditions = new Map(this.#renditions);
    for (const rendition of stats.flatMap((each) => each.renditions)) addRendition(renditions, rendition);
    const viewers = stats.flatMap((each) => each.viewers);
    return {
      renditions: [...renditions.values()],
      sent: stats.reduce((sum, { sent }) => sumOfSent(sum, sent), this.#sent),
      viewers,
      transportReaders: streams.reduce((sum, live) => sum + live.viewers, 0) - viewers.length,
    };
  }
}

function addRendition(
  totals: Map<string, RenditionTotals>,
  { choice: { view }, codec, quality, ...stats }: RenditionStats,
) {
  const key = `${view} ${codec} ${quality}`;
  const before = totals.get(key);
  const counts = Object.fromEntries(countNames.map((name) => [name, (before?.[name] ?? 0) + stats[name]]));
  const running = (before?.running ?? 0) + (stats.state === "running" ? 1 : 0);
  totals.set(key, { view, codec, quality, running, ...counts as Record<keyof RenditionCounts, number> });
}

function sumOfSent(one: LiveStats["sent"], other: LiveStats["sent"]): LiveStats["sent"] {
  return {
    viewers: one.viewers + other.viewers,
    packets: one.packets + other.packets,
    bytes: one.bytes + other.bytes,
    repeats: one.repeats + other.repeats,
  };
}
