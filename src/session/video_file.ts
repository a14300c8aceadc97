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
