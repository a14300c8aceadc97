/**
 * What can be had of a session as a file: the video, its sections, single frames, the start picture.
 * @module
 */
import { readFile } from "node:fs/promises";
import { Refusal } from "./errors.ts";
import { folderOf } from "./folder.ts";
import type { FrameFormat, FramePicture } from "./frame_pictures.ts";
import type { Gallery } from "./gallery.ts";
import { pictureType } from "./picture_type.ts";
import type { StoredSession } from "./store.ts";
import type { Unrecorded } from "./unrecorded.ts";

export interface SessionFilesOptions {
  readonly dataDir: string;
  readonly gallery: Gallery;
  readonly unrecorded: Unrecorded;
  /** A session as it is now; `latest` is an id, too. @throws `Refusal` when there is none */
  readonly find: (id: string) => StoredSession;
}

/** Every call throws a `Refusal` when there is no such session. */
export class SessionFiles {
  readonly #options: SessionFilesOptions;

  constructor(options: SessionFilesOptions) {
    this.#options = options;
  }

  /**
   * Path of the finished file. One that could not be written when the disk was full is written now.
   * @throws `Refusal` while there is none
   */
  async video(id: string): Promise<string> {
    const { dataDir, unrecorded, find } = this.#options;
    const { view: { id: ownId, state } } = find(id);
    await unrecorded.record(ownId);
    if (find(ownId).view.video !== null) return folderOf(dataDir, ownId).video;
    const why = state === "queued" || state === "running"
      ? `Session ${ownId} is ${state}, its file comes at the end`
      : `Session ${ownId} ${state === "failed" ? "failed" : "was stopped"} before a frame was kept, so it has no file`;
    throw new Refusal("no-video-yet", why, { state });
  }

  /** Path of one section's file. @param section counted from 1 in making order @throws `Refusal` for one that is not decoded (yet) */
  async section(id: string, section: number): Promise<string> {
    const { gallery, find } = this.#options;
    return await gallery.section(find(id).view, section);
  }

  /** @throws `Refusal` for a frame that does not exist (yet) */
  async frame(id: string, frameIndex: number, format: FrameFormat): Promise<FramePicture> {
    const { gallery, find } = this.#options;
    return await gallery.frame(find(id).view, frameIndex, format);
  }

  /** The start picture as it was uploaded. */
  startPicture(id: string): { readonly path: string; readonly mediaType: string } {
    const { view, imageType } = this.#options.find(id);
    return { path: folderOf(this.#options.dataDir, view.id).start, mediaType: imageType };
  }

  /** The end picture likewise. @throws `Refusal` where there is none */
  async endPicture(id: string): Promise<{ readonly path: string; readonly mediaType: string }> {
    const { view } = this.#options.find(id);
    if (view.settings.endStrength === null) {
      throw new Refusal("not-found", `Session ${view.id} has no end picture`, { value: view.id });
    }
    const path = folderOf(this.#options.dataDir, view.id).end;
    return { path, mediaType: pictureType(await readFile(path)) };
  }
}
