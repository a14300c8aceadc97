/**
 * The file a session leaves.
 * @module
 */
import type { Log } from "../log.ts";
import { type FrameStore, writeRecording } from "../stream/mod.ts";
import type { FrameRange } from "../video.ts";
import { recipeOf } from "./links.ts";
import type { StreamTools } from "./pictures.ts";
import type { SessionOrder } from "./order.ts";
import type { SessionSurroundings } from "./surroundings.ts";
import type { SessionView } from "./view.ts";

/** @param range frames that are kept, all final. @throws `RecordingError` */
export async function writeVideo(
  { id, settings, plan, folder }: SessionOrder,
  range: FrameRange,
  { frames: store, tools, log }: { readonly frames: FrameStore; readonly tools: StreamTools; readonly log: Log },
): Promise<NonNullable<SessionView["video"]>> {
  const { ffmpeg, fileEncoder } = tools;
  const { frames, sizeBytes, encoder, fault } = await writeRecording({
    store,
    range,
    plan,
    file: folder.video,
    ...(settings.keepRecipe ? { recipe: recipeOf(settings) } : {}),
    ffmpeg,
    ...(fileEncoder ? { encoder: fileEncoder } : {}),
  }, new AbortController().signal);
  if (fault) log.warn("recording.encodedOtherwise", { id, encoder, error: fault });
  return { frames, seconds: frames / plan.format.frameRate, sizeBytes, firstFrameIndex: range.start };
}

/** The file of one session. */
export class SessionFile {
  readonly #with: Pick<SessionSurroundings, "pictures" | "tools" | "log">;
  #made: SessionView["video"] = null;
  #writing: Promise<void> | undefined;

  constructor(around: Pick<SessionSurroundings, "pictures" | "tools" | "log">) {
    this.#with = around;
  }

  /** Null before it is written. */
  get made(): SessionView["video"] {
    return this.#made;
  }

  /** @throws `RecordingError` */
  async write(order: SessionOrder, range: FrameRange): Promise<void> {
    const { pictures: { store: frames }, tools, log } = this.#with;
    this.#made = await writeVideo(order, range, { frames, tools, log });
  }

  /**
   * Once, however many ask at the same time.
   * @param then when it is written @throws `RecordingError`
   */
  writeLate(order: SessionOrder, range: FrameRange | null, then: () => void): Promise<void> {
    if (range === null || this.#made !== null) return Promise.resolve();
    return this.#writing ??= this.write(order, range).then(then).finally(() => this.#writing = undefined);
  }
}
