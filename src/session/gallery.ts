/**
 * The live pictures of all sessions, and single frames of them. A picture outlives its session's generation as long as
 * somebody watches; that of an older session is made again from its file when somebody asks.
 * @module
 */
import { encodeJpeg } from "../image.ts";
import type { Log } from "../log.ts";
import type { RgbImage, VideoPlan } from "../video.ts";
import { Refusal } from "./errors.ts";
import { readFileFrames } from "./file_frames.ts";
import { folderOf, type SessionFolder } from "./folder.ts";
import { stateAt } from "./frame_map.ts";
import { blank, openPictures, type Pictures, type StreamTools } from "./pictures.ts";
import { planOf } from "./restart.ts";
import { SectionFiles } from "./section_files.ts";
import type { SessionView } from "./view.ts";

export interface GalleryOptions {
  readonly dataDir: string;
  readonly tools: StreamTools;
  readonly log: Log;
}

/** A frame for looking at. Only a final one stays as it is. */
export interface FramePicture {
  readonly jpeg: Uint8Array<ArrayBuffer>;
  readonly isFinal: boolean;
}

export class Gallery implements AsyncDisposable {
  readonly #options: GalleryOptions;
  readonly #open = new Map<string, Pictures>();
  readonly #restoring = new Map<string, Promise<Pictures>>();
  readonly #sections: SectionFiles;

  constructor(options: GalleryOptions) {
    this.#options = options;
    this.#sections = new SectionFiles({ ...options, storeOf: (id) => this.#open.get(id)?.store });
  }

  /** For a session that is about to be made. @throws `StoreError` */
  async open(id: string, plan: VideoPlan, placeholder: RgbImage): Promise<Pictures> {
    const { dataDir, tools } = this.#options;
    const pictures = await openPictures({ id, file: folderOf(dataDir, id).frames, plan, placeholder, tools });
    this.#open.set(id, pictures);
    void this.#logFailures(id, pictures);
    return pictures;
  }

  /** The picture to watch. @throws `Refusal` when the session ended without a frame */
  async watch(view: SessionView): Promise<Pictures> {
    const open = this.#open.get(view.id) ?? this.#restoring.get(view.id);
    if (open) return await open;
    if (view.video === null) {
      throw new Refusal("no-live-picture", `Session ${view.id} ended without a frame, so there is nothing to watch`);
    }
    const restoring = this.#restore(view).finally(() => this.#restoring.delete(view.id));
    this.#restoring.set(view.id, restoring);
    return await restoring;
  }

  viewers(id: string): number {
    return this.#open.get(id)?.live.viewers ?? 0;
  }

  get allViewers(): number {
    return [...this.#open.values()].reduce((sum, { live }) => sum + live.viewers, 0);
  }

  /** False when there is no such viewer (any more). */
  removeViewer(id: string, viewerId: string): boolean {
    return this.#open.get(id)?.live.removeViewer(viewerId) ?? false;
  }

  /** @throws `Refusal` for a frame that does not exist (yet) */
  async frame(view: SessionView, frameIndex: number, widthPx: number): Promise<FramePicture> {
    const { format } = planOf(view);
    const pixels = await this.#pixels(view, frameIndex);
    const jpeg = await encodeJpeg({ widthPx: format.widthPx, heightPx: format.heightPx, pixels }, { widthPx });
    return { jpeg, isFinal: stateAt(view.frameMap, frameIndex) === "final" };
  }

  /** Path of a section's file. @throws `Refusal` for one that is not decoded (yet) */
  async section(view: SessionView, section: number): Promise<string> {
    return await this.#sections.file(view, section);
  }

  /** Closes the pictures of ended sessions that nobody watches, but for those in `keep`. */
  async tidy(keep: ReadonlySet<string>): Promise<void> {
    for (const [id, { live }] of this.#open) {
      if (!keep.has(id) && live.viewers === 0) await this.close(id);
    }
  }

  async close(id: string): Promise<void> {
    const pictures = this.#open.get(id) ?? await this.#restoring.get(id)?.catch(() => undefined);
    this.#open.delete(id);
    await this.#sections.settled(id);
    await pictures?.[Symbol.asyncDispose]();
  }

  /** Closes the picture of a session that is deleted, whatever is being made of it. */
  async forget(id: string): Promise<void> {
    await this.#sections.forget(id);
    await this.close(id);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const id of [...this.#open.keys(), ...this.#restoring.keys()]) await this.close(id);
  }

  async #pixels(view: SessionView, frameIndex: number): Promise<Uint8Array> {
    const store = this.#open.get(view.id)?.store;
    // A preview of what was never made is worth nothing once the session is over.
    const isLeftOver = view.progress.phase === "ended" && stateAt(view.frameMap, frameIndex) !== "final";
    if (store?.stateOf(frameIndex) && !isLeftOver) return await store.read({ start: frameIndex, end: frameIndex + 1 });
    const first = frameIndex - (view.video?.firstFrameIndex ?? 0);
    if (view.video === null || first < 0 || first >= view.video.frames) {
      throw new Refusal("not-found", `Frame ${frameIndex} of session ${view.id} does not exist yet`, { field: "n" });
    }
    const { format } = planOf(view);
    const { ffmpeg } = this.#options.tools;
    const frames = readFileFrames(ffmpeg, this.#folder(view).video, format, { first, frames: 1 }, 1);
    return (await frames.next()).value!;
  }

  /** Plays the file into new pictures, a section's worth of frames at a time. */
  async #restore(view: SessionView): Promise<Pictures> {
    const plan = planOf(view);
    const { firstFrameIndex, frames } = view.video!;
    const { ffmpeg } = this.#options.tools;
    const file = this.#folder(view).video;
    const placeholder = blank(plan.format.widthPx, plan.format.heightPx);
    const pictures = await this.open(view.id, plan, placeholder);
    let next = firstFrameIndex;
    for await (const pixels of readFileFrames(ffmpeg, file, plan.format, { first: 0, frames }, batchFrames)) {
      await pictures.write({ firstFrameIndex: next, pixels, state: "final" });
      next += pixels.length / placeholder.pixels.length;
    }
    pictures.end({ start: firstFrameIndex, end: next });
    return pictures;
  }

  /** Ends with the picture. */
  async #logFailures(id: string, { live }: Pictures): Promise<void> {
    for await (const error of live.failures()) this.#options.log.error("picture.failed", { id, error });
  }

  #folder({ id }: SessionView): SessionFolder {
    return folderOf(this.#options.dataDir, id);
  }
}

/** Frames written at once when a file is played back. */
const batchFrames = 36;
