/**
 * What a live stream has done so far. Counts only grow, also when an encoder is started anew or a viewer leaves.
 * @module
 */
import type { Codec } from "./access_unit.ts";
import type { Guest } from "./guest.ts";
import type { Quality } from "./line_quality.ts";
import type { ViewChoice } from "./playout.ts";
import type { Rendition, RenditionCounts } from "./rendition.ts";
import type { ViewerLine } from "./viewer.ts";

export interface LiveStats {
  /** Every one that has been in use, also when its encoder does not run now. */
  readonly renditions: readonly RenditionStats[];
  /** Those that are here now. */
  readonly viewers: readonly ViewerStats[];
  /** Of all viewers, those that have left included. */
  readonly sent: {
    readonly viewers: number;
    readonly packets: number;
    readonly bytes: number;
    readonly repeats: number;
  };
}

export interface RenditionStats extends RenditionCounts {
  readonly choice: ViewChoice;
  readonly codec: Codec;
  readonly quality: Quality;
  readonly state: "running" | "stopped";
  /** Of the newest picture, before quality `low` makes it smaller; null before the first one. */
  readonly widthPx: number | null;
  readonly heightPx: number | null;
  /** Of those who watch it, transport streams together as one. */
  readonly viewers: number;
}

export interface ViewerStats extends ViewerLine {
  readonly id: string;
  readonly choice: ViewChoice;
  readonly codec: Codec;
  readonly quality: Quality;
}

/** One kind of rendition: those that were stopped in one sum, and the one that runs. */
interface Entry {
  readonly choice: ViewChoice;
  past: RenditionCounts;
  newest: Rendition;
}

export class LiveLedger {
  readonly #entries = new Map<string, Entry>();
  readonly #guests = new Set<Guest>();
  #left = { viewers: 0, packets: 0, bytes: 0, repeats: 0 };

  enterRendition(choice: ViewChoice, rendition: Rendition): void {
    const { view, wait, previews } = choice;
    const key = [view, wait, previews, rendition.codec, rendition.quality].join(" ");
    const entry = this.#entries.get(key);
    if (entry) {
      entry.past = sum(entry.past, entry.newest.counts);
      entry.newest = rendition;
    } else {
      this.#entries.set(key, { choice, past: nothing, newest: rendition });
    }
  }

  enterViewer(guest: Guest): void {
    this.#guests.add(guest);
    void guest.done.then(() => {
      this.#guests.delete(guest);
      this.#left = sent(this.#left, guest.viewer.line);
    });
  }

  stats(): LiveStats {
    return {
      renditions: [...this.#entries.values()].map(statsOfRendition),
      viewers: [...this.#guests].map((guest) => statsOfViewer(guest)),
      sent: [...this.#guests].reduce((total, { viewer }) => sent(total, viewer.line), this.#left),
    };
  }
}

const nothing: RenditionCounts = {
  picturesEncoded: 0,
  picturesDropped: 0,
  keyFrames: 0,
  bytes: 0,
  encoderRestarts: 0,
};

function sum(one: RenditionCounts, other: RenditionCounts): RenditionCounts {
  return {
    picturesEncoded: one.picturesEncoded + other.picturesEncoded,
    picturesDropped: one.picturesDropped + other.picturesDropped,
    keyFrames: one.keyFrames + other.keyFrames,
    bytes: one.bytes + other.bytes,
    encoderRestarts: one.encoderRestarts + other.encoderRestarts,
  };
}

function sent(total: LiveStats["sent"], line: ViewerLine): LiveStats["sent"] {
  return {
    viewers: total.viewers + 1,
    packets: total.packets + line.packets,
    bytes: total.bytes + line.bytes,
    repeats: total.repeats + line.repeats,
  };
}

function statsOfRendition({ choice, past, newest }: Entry): RenditionStats {
  const { codec, quality, format, readers } = newest;
  return {
    choice,
    codec,
    quality,
    state: newest.state === "open" ? "running" : "stopped",
    widthPx: format?.widthPx ?? null,
    heightPx: format?.heightPx ?? null,
    viewers: readers,
    ...sum(past, newest.counts),
  };
}

function statsOfViewer({ viewer, choice, rendition }: Guest): ViewerStats {
  return { id: viewer.id, choice, codec: viewer.codec, quality: rendition.quality, ...viewer.line };
}
