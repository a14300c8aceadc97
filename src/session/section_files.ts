/**
 * Single sections as small MP4 files, for looking back while the rest is made. Each is encoded when somebody asks for it
 * and then kept in the session's folder.
 * @module
 */
import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type FrameStore, readFrames, writeVideoFile } from "../stream/mod.ts";
import type { FrameRange } from "../video.ts";
import { Refusal } from "./errors.ts";
import { readFileFrames } from "./file_frames.ts";
import { folderOf } from "./folder.ts";
import { leastState } from "./frame_map.ts";
import type { StreamTools } from "./pictures.ts";
import { planOf } from "./restart.ts";
import type { SessionView } from "./view.ts";

export interface SectionFilesOptions {
  readonly dataDir: string;
  readonly tools: Pick<StreamTools, "ffmpeg">;
  /** Raw frames of a session, as long as they are there. */
  readonly storeOf: (id: string) => FrameStore | undefined;
}

interface Making {
  readonly id: string;
  readonly stop: AbortController;
  readonly done: Promise<void>;
}

/** One is encoded at a time, whoever asks for how many: sampling needs the cores more. */
export class SectionFiles {
  readonly #options: SectionFilesOptions;
  /** By the file's path. */
  readonly #making = new Map<string, Making>();
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: SectionFilesOptions) {
    this.#options = options;
  }

  /**
   * Path of the file; another one when provisional frames have become final.
   * @param section counted from 1 in making order
   * @throws `Refusal` for a section that the plan has not or that is not decoded yet; `RecordingError`
   */
  async file(view: SessionView, section: number): Promise<string> {
    const { id, frameMap, plan } = view;
    const range = plan.sections[section - 1];
    const state = range && leastState(frameMap, range);
    if (!range || !state) {
      const why = range
        ? `Section ${section} of session ${id} is not decoded`
        : `Session ${id} has no section ${section}`;
      throw new Refusal("not-found", why, { field: "n", sections: plan.sections.length });
    }
    const file = join(folderOf(this.#options.dataDir, id).sections, `${section}-${state}.mp4`);
    // At once, so that a session cannot be deleted between the look and the making.
    if (!existsSync(file)) await this.#made(view, range, file);
    return file;
  }

  /** Resolves when no file of a session is being made. */
  async settled(id: string): Promise<void> {
    await Promise.allSettled(this.#makingOf(id).map(({ done }) => done));
  }

  /** The session is about to be deleted: what is being made of it is given up. */
  async forget(id: string): Promise<void> {
    for (const { stop } of this.#makingOf(id)) stop.abort(deleted(id));
    await this.settled(id);
  }

  #makingOf(id: string): Making[] {
    return [...this.#making.values()].filter((making) => making.id === id);
  }

  async #made(view: SessionView, range: FrameRange, file: string): Promise<void> {
    let making = this.#making.get(file);
    if (!making) {
      const stop = new AbortController();
      const make = () => this.#make(view, range, file, stop.signal);
      const done = this.#turn.then(make).finally(() => this.#making.delete(file));
      this.#turn = done.catch(() => {}); // who asked for it is told
      making = { id: view.id, stop, done };
      this.#making.set(file, making);
    }
    await making.done;
  }

  async #make(view: SessionView, range: FrameRange, file: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    await makeFolder(dirname(file), view.id);
    const { format } = planOf(view);
    const { ffmpeg } = this.#options.tools;
    await writeVideoFile({ pixels: this.#pixels(view, range), format, file, preset: "veryfast", ffmpeg }, signal);
  }

  /** From the raw frames while they are there, else from the finished video. */
  #pixels(view: SessionView, range: FrameRange): AsyncIterable<Uint8Array> {
    const store = this.#options.storeOf(view.id);
    if (store) return readFrames(store, range);
    const { dataDir, tools } = this.#options;
    const first = range.start - (view.video?.firstFrameIndex ?? 0);
    const part = { first, frames: range.end - range.start };
    return readFileFrames(tools.ffmpeg, folderOf(dataDir, view.id).video, planOf(view).format, part, 1);
  }
}

/** In the session's folder, which is never made anew: without it the session has been deleted. */
async function makeFolder(folder: string, id: string): Promise<void> {
  try {
    await mkdir(folder);
  } catch (cause) {
    const { code } = cause as { readonly code?: string };
    if (code === "ENOENT") throw deleted(id);
    if (code !== "EEXIST") throw cause;
  }
}

function deleted(id: string): Refusal {
  return new Refusal("not-found", `Session "${id}" has been deleted`);
}
