/**
 * The picture of each tick of one video: a frame from the store, a preview or a slate, as one viewer's choice has it.
 * @module
 */
import type { Footage } from "./footage.ts";
import type { PictureSource, TickPicture } from "./picture_source.ts";
import { createPlayout, frameOfRun, type Playout, type Run, type ViewChoice } from "./playout.ts";
import { createPreviewPainter, type PreviewPainter } from "./preview_picture.ts";
import { createSlatePainter, type SlatePainter } from "./slate.ts";

/**
 * Lasts as long as the footage's store is open. When a frame cannot be read, the picture before stays.
 * @param id of the video's session
 * @returns a source whose `next` throws only when the very first picture cannot be read: `StoreError`
 */
export function createVideoSource(id: string, footage: Footage, choice: ViewChoice): PictureSource {
  return playVideo(id, footage, createPlayout(choice, footage));
}

/** The same in any order of frames. Runs that show frames must keep to those decoded. */
export function playVideo(id: string, footage: Footage, playout: Playout): PictureSource {
  return new VideoSource(id, footage, playout);
}

class VideoSource implements PictureSource {
  readonly #id: string;
  readonly #footage: Footage;
  readonly #playout: Playout;
  readonly #previews: PreviewPainter;
  readonly #slates: SlatePainter;
  #pixels: Uint8Array | undefined;
  #frame: { readonly index: number; readonly state: string | undefined } | undefined;

  constructor(id: string, footage: Footage, playout: Playout) {
    this.#id = id;
    this.#footage = footage;
    this.#playout = playout;
    this.#previews = createPreviewPainter(footage.plan.format);
    this.#slates = createSlatePainter(footage.plan, footage.placeholder);
  }

  async next(tick: number): Promise<TickPicture> {
    const run = this.#playout.next(tick);
    this.#pixels = await this.#draw(run, frameOfRun(run, tick - run.sinceTick));
    return { format: this.#footage.plan.format, pixels: this.#pixels, run, video: this.#id };
  }

  #draw({ shows }: Run, frameIndex: number | undefined): Uint8Array | Promise<Uint8Array> {
    const { preview } = this.#footage;
    if (shows === "frames") return this.#read(frameIndex!);
    this.#frame = undefined;
    if (shows === "preview" && preview) return this.#previews.paint(preview, frameIndex!);
    return this.#slates.paint(this.#footage, frameIndex);
  }

  /** From the store, but once only while a frame is held and does not become final. */
  async #read(index: number): Promise<Uint8Array> {
    const { store } = this.#footage;
    const state = store.stateOf(index);
    if (this.#pixels && this.#frame?.index === index && this.#frame.state === state) return this.#pixels;
    try {
      const pixels = await store.read({ start: index, end: index + 1 });
      this.#frame = { index, state };
      return pixels;
    } catch (error) {
      if (!this.#pixels) throw error;
      this.#frame = undefined;
      return this.#pixels;
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve(); // the footage is its session's
  }
}
