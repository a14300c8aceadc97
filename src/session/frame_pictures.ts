/**
 * Single frames for looking at: from the raw frames, from the file, or out of the newest preview of its section.
 * @module
 */
import type { Ffmpeg } from "../ffmpeg.ts";
import { coverImage, encodeJpeg, encodePng } from "../image.ts";
import { placeInClip } from "../stream/mod.ts";
import type { PreviewClip, RgbImage } from "../video.ts";
import { Refusal } from "./errors.ts";
import { readFileFrames } from "./file_frames.ts";
import { stateAt } from "./frame_map.ts";
import type { Pictures } from "./pictures.ts";
import { planOf } from "./restart.ts";
import type { SessionView } from "./view.ts";

/** `png` holds every pixel as it is, so there is none of a preview. */
export type FrameFormat = { readonly type: "jpeg"; readonly widthPx: number } | { readonly type: "png" };

/** Only a final one stays as it is. */
export interface FramePicture {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly state: "preview" | "provisional" | "final";
}

export interface FrameSources {
  /** While the session's raw frames are there. */
  readonly pictures: Pictures | undefined;
  /** Path of the finished video. */
  readonly file: string;
  readonly ffmpeg: Ffmpeg;
}

/** @throws `Refusal` for a frame that does not exist (yet) */
export async function framePicture(
  view: SessionView,
  frameIndex: number,
  format: FrameFormat,
  sources: FrameSources,
): Promise<FramePicture> {
  const state = stateAt(view.frameMap, frameIndex);
  if (state === "final" || state === "provisional") {
    return { bytes: await encode(await decodedFrame(view, frameIndex, sources), format), state };
  }
  const clip = sources.pictures?.footage.previews.find(({ range: { start, end } }) =>
    start <= frameIndex && frameIndex < end
  );
  if (!clip || format.type === "png") {
    throw new Refusal("not-found", `Frame ${frameIndex} of session ${view.id} does not exist yet`, { field: "n" });
  }
  const enlarged = await coverImage(nearestPicture(clip, frameIndex), view.plan);
  return { bytes: await encode(enlarged, format), state: "preview" };
}

function encode(image: RgbImage, format: FrameFormat): Promise<Uint8Array<ArrayBuffer>> {
  return format.type === "png" ? encodePng(image) : encodeJpeg(image, format);
}

async function decodedFrame(view: SessionView, index: number, sources: FrameSources): Promise<RgbImage> {
  const { format } = planOf(view);
  const { pictures, file, ffmpeg } = sources;
  if (pictures) return { ...format, pixels: await pictures.store.read({ start: index, end: index + 1 }) };
  const first = index - (view.video?.firstFrameIndex ?? 0);
  const frames = readFileFrames(ffmpeg, file, format, { first, frames: 1 }, 1);
  return { ...format, pixels: (await frames.next()).value! };
}

function nearestPicture(clip: PreviewClip, frameIndex: number): RgbImage {
  const { widthPx, heightPx, pixels } = clip;
  const nearest = Math.round(placeInClip(clip, frameIndex));
  const values = widthPx * heightPx * 3;
  return { widthPx, heightPx, pixels: pixels.subarray(nearest * values, (nearest + 1) * values) };
}
