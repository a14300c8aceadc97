/**
 * The pictures of all sessions, live and single. A picture outlives its session's generation as long as
 * somebody watches; that of an older session is made again from its file when somebody asks.
 * @module
 */
import type { Log } from "../log.ts";
import type { LiveStream, PresentFrames } from "../stream/mod.ts";
import type { RgbImage, VideoPlan } from "../video.ts";
import { Refusal } from "./errors.ts";
import type { Figures } from "./figures.ts";
import { readFileFrames } from "./file_frames.ts";
import { folderOf, type SessionFolder } from "./folder.ts";
import { type FrameFormat, type FramePicture, framePicture } from "./frame_pictures.ts";
import { blank, openPictures, type Pictures, type StreamTools } from "./pictures.ts";
import { planOf } from "./restart.ts";
import { SectionFiles } from "./section_files.ts";
import type { SessionView } from "./view.ts";

export interface GalleryOptions {
  readonly dataDir: string;
  readonly tools: StreamTools;
  readonly log: Log;
  readonly figures: Figures;
}

export class Gallery implements AsyncDisposable {
  readonly #options: GalleryOptions;
  readonly #open = new Map<string, Pictures>();
  readonly #restoring = new Map<string, Promise<Pictures>>();
  /** Their frames may be on disk still. */
  readonly #closing = new Set<Promise<void>>();
  readonly #sections: SectionFiles;
  /** How often each is held. */
  readonly #holds = new Map<string, number>();

  constructor(options: GalleryOptions) {
    this.#options = options;
    this.#sections = new SectionFiles({ ...options, storeOf: (id) => this.#open.get(id)?.store });
  }

  /** For a session that is about to be made. @param present as of `openPictures`. @throws `StoreError` */
  async open(
    id: string,
    plan: VideoPlan,
    placeholder: RgbImage,
    present?: readonly PresentFrames[],
  ): Promise<Pictures> {
    const { dataDir, tools } = this.#options;
    const file = folderOf(dataDir, id).frames;
    const pictures = await openPictures({ id, file, plan, placeholder, tools, ...(present ? { present } : {}) });
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

  /** That of a session whose frames are there; of no other is anything made for this. */
  stream(id: string): LiveStream | undefined {
    return this.#open.get(id)?.live;
  }

  get streams(): readonly LiveStream[] {
    return [...this.#open.values()].map(({ live }) => live);
  }

  /** Whether there is something to be seen of a session: a decoded frame or a preview. */
  hasPicture(id: string): boolean {
    const { decoded, preview } = this.#open.get(id)?.footage ?? { decoded: [], preview: null };
    return decoded.length > 0 || preview !== null;
  }

  /** Keeps a session's frames readable, those there and those read back, until what is returned is disposed. */
  hold(id: string): AsyncDisposable {
    this.#holds.set(id, (this.#holds.get(id) ?? 0) + 1);
    return {
      [Symbol.asyncDispose]: () => {
        const left = this.#holds.get(id)! - 1;
        if (left > 0) this.#holds.set(id, left);
        else this.#holds.delete(id);
        return Promise.resolve();
      },
    };
  }

  /** @throws `Refusal` for a frame that does not exist (yet) */
  async frame(view: SessionView, frameIndex: number, format: FrameFormat): Promise<FramePicture> {
    const { ffmpeg } = this.#options.tools;
    const sources = { pictures: this.#open.get(view.id), file: this.#folder(view).video, ffmpeg };
    return await framePicture(view, frameIndex, format, sources);
  }

  /** Path of a section's file. @throws `Refusal` for one that is not decoded (yet) */
  async section(view: SessionView, section: number): Promise<string> {
    return await this.#sections.file(view, section);
  }

  /** Closes the pictures of ended sessions that nobody watches or holds, but for those in `keep`. */
  async tidy(keep: ReadonlySet<string>): Promise<void> {
    const idle = [...this.#open].filter(([id, { live }]) =>
      !keep.has(id) && !this.#holds.has(id) && live.viewers === 0
    );
    // All at once: `keep` knows nothing of a session that is opened while one of them closes.
    await Promise.all(idle.map(([id]) => this.close(id)));
  }

  async close(id: string): Promise<void> {
    const closing: Promise<void> = this.#close(id).finally(() => this.#closing.delete(closing));
    this.#closing.add(closing);
    await closing;
  }

  async #close(id: string): Promise<void> {
    const pictures = this.#open.get(id) ?? await this.#restoring.get(id)?.catch(() => undefined);
    this.#open.delete(id);
    await this.#sections.settled(id);
    await pictures?.[Symbol.asyncDispose]();
    if (pictures) this.#options.figures.streamEnded(pictures.live.stats());
  }

  /** Closes the picture of a session that is deleted, whatever is being made of it. */
  async forget(id: string): Promise<void> {
    this.#open.get(id)?.end(null); // a channel that shows it has to go on to something else
    await this.#sections.forget(id);
    await this.close(id);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const id of [...this.#open.keys(), ...this.#restoring.keys()]) await this.close(id);
    await Promise.all(this.#closing);
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
