/**
 * Everything that exists of one video so far. The session tells it; every picture of the video is made from it.
 * @module
 */
import type { FrameRange, PreviewClip, RgbImage, VideoPlan } from "../video.ts";
import { rangeAt, withRange } from "./frame_ranges.ts";
import type { FrameStore } from "./frame_store.ts";
import type { FootageFacts } from "./playout.ts";

/** Asked at each tick by whoever shows it: nothing has to be passed on. */
export interface Footage extends FootageFacts {
  readonly plan: VideoPlan;
  /** Of the video's size: the start picture. */
  readonly placeholder: RgbImage;
  /** Holds the pixels of all that is `decoded`. */
  readonly store: FrameStore;
  readonly decoded: readonly FrameRange[];
  /** The first of `previews`. */
  readonly preview: PreviewClip | null;
  /** The newest of each section that is not whole, in making order: two while a section is decoded beside the next one. */
  readonly previews: readonly PreviewClip[];
  readonly work: SectionWork | null;
  readonly isOver: boolean;
}

/**
 * The section being sampled, counted from 1 in making order, and how much of it is, 0 to 1. It stays when it is sampled
 * until its frames are there, or the next one is begun.
 */
export interface SectionWork {
  readonly section: number;
  readonly fraction: number;
}

/** How much of a section is sampled, 0 to 1, as far as the work tells: all of those before the one in work. */
export function sampledOf(work: SectionWork | null, section: number): number {
  if (work === null || section > work.section) return 0;
  return section < work.section ? 1 : work.fraction;
}

/** The footage of a session. What is told too late, after `end` or of frames that exist, is left out. */
export class VideoFootage implements Footage {
  readonly plan: VideoPlan;
  readonly placeholder: RgbImage;
  readonly store: FrameStore;
  #decoded: readonly FrameRange[] = [];
  #previews: readonly PreviewClip[] = [];
  #work: SectionWork | null = null;
  #isOver = false;

  /** @throws TypeError when the start picture has another size than the video */
  constructor({ store, placeholder }: { readonly store: FrameStore; readonly placeholder: RgbImage }) {
    const { widthPx, heightPx } = store.plan.format;
    if (placeholder.widthPx !== widthPx || placeholder.heightPx !== heightPx) {
      const size = `${placeholder.widthPx} × ${placeholder.heightPx}`;
      throw new TypeError(`Cannot show a start picture of ${size}: the video has ${widthPx} × ${heightPx}`);
    }
    this.plan = store.plan;
    this.store = store;
    this.placeholder = placeholder;
  }

  get decoded(): readonly FrameRange[] {
    return this.#decoded;
  }

  get preview(): PreviewClip | null {
    return this.#previews[0] ?? null;
  }

  get previews(): readonly PreviewClip[] {
    return this.#previews;
  }

  get work(): SectionWork | null {
    return this.#work;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** @param section counted from 1 in making order @param fraction of it that is done, 0 to 1 */
  working(section: number, fraction: number): void {
    if (!this.#isOver) this.#work = { section, fraction };
  }

  showPreview(clip: PreviewClip): void {
    if (this.#isOver || this.#isWhole(clip.section)) return;
    this.#previews = [...this.#previews.filter(({ section }) => section !== clip.section), clip];
  }

  /** These frames can be read from the store now. A section that has become whole is neither in work nor previewed. */
  arrived(range: FrameRange): void {
    if (this.#isOver) return;
    this.#decoded = withRange(this.#decoded, range);
    this.#previews = this.#previews.filter(({ section }) => !this.#isWhole(section));
    if (this.#work && this.#isWhole(this.#work.section)) this.#work = null;
  }

  /** Nothing more will come, and `kept` is what there is: the frames of the file. */
  end(kept: FrameRange | null): void {
    this.#isOver = true;
    this.#decoded = kept === null ? [] : [kept];
    this.#previews = [];
    this.#work = null;
  }

  #isWhole(section: number): boolean {
    const { start, end } = this.plan.sections[section - 1]!;
    return (rangeAt(this.#decoded, start)?.end ?? start) >= end;
  }
}
