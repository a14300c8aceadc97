/**
 * The file a session leaves.
 * @module
 */
import { writeRecording } from "../stream/mod.ts";
import type { FrameRange } from "../video.ts";
import { recipeOf } from "./links.ts";
import type { Pictures, StreamTools } from "./pictures.ts";
import type { SessionOrder } from "./order.ts";
import type { SessionView } from "./view.ts";

/** @param range frames that are kept, all final. @throws `RecordingError` */
export async function writeVideo(
  { settings, plan, videoFile }: SessionOrder,
  range: FrameRange,
  { pictures, tools }: { readonly pictures: Pictures; readonly tools: StreamTools },
): Promise<NonNullable<SessionView["video"]>> {
  const { frames, sizeBytes } = await writeRecording({
    store: pictures.store,
    range,
    plan,
    file: videoFile,
    ...(settings.keepRecipe ? { recipe: recipeOf(settings) } : {}),
    ffmpeg: tools.ffmpeg,
  }, new AbortController().signal);
  return { frames, seconds: frames / plan.format.frameRate, sizeBytes, firstFrameIndex: range.start };
}
