/**
 * What this server has made since it began, in numbers.
 * @module
 */
import { Histogram, type HistogramCounts } from "./histogram.ts";
import type { SessionState, SessionView } from "./view.ts";

/** From a warm small model on a server to a large one on a laptop. */
const sectionBounds = [0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000];

export type EndState = Exclude<SessionState, "queued" | "running">;

export class Figures {
  readonly #sampling = new Histogram(sectionBounds);
  readonly #decoding = new Histogram(sectionBounds);
  readonly #ended: Record<EndState, number> = { completed: 0, stopped: 0, failed: 0 };
  #realTimeFactor: number | null = null;

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
}
