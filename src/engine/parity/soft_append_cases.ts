/**
 * Golden cases of blending and of the conversion to bytes.
 * @module
 */
import { type PixelClip, planSections, rgb24, type Section, softAppend, stitch } from "../sampling/mod.ts";
import type { CaseOutputs } from "./compare.ts";
import type { GoldenCase, GoldenTensor } from "./golden_case.ts";
import { scheduleOf } from "./section_plan_cases.ts";

/** Two clips and an overlap; the decoder outputs of a whole video; or pixels to bytes. */
export function softAppendCase(golden: GoldenCase): Promise<CaseOutputs> {
  const { params, inputs } = golden;
  if (inputs["pixels"] !== undefined) {
    const clip = clipOf(inputs["pixels"]);
    const shape = [clip.frames, clip.heightPx, clip.widthPx, 3];
    return Promise.resolve({ tensors: { frames: { shape, data: rgb24(clip) } } });
  }
  if (params["schedule"] !== undefined) return Promise.resolve({ tensors: assembledVideos(golden) });
  const overlap = params["overlap"] as number;
  const [first, second] = [clipOf(inputs["history"]!), clipOf(inputs["current"]!)];
  return Promise.resolve({
    tensors: {
      result: tensorOf(softAppend(first, second, overlap)),
      result_fp16: tensorOf(inFloat16(softAppend(inFloat16(first), inFloat16(second), overlap))),
    },
  });
}

/** The video's float pixels after each section, put together from what `stitch` hands out. */
function assembledVideos({ params, inputs }: GoldenCase): Record<string, GoldenTensor> {
  const sections = planSections({
    durationSeconds: params["seconds"] as number,
    schedule: scheduleOf[params["schedule"] as keyof typeof scheduleOf],
    windowLatentFrames: params["latent_window_size"] as number,
  });
  const videos: Record<string, GoldenTensor> = {};
  let video: PixelClip | null = null;
  let pending: PixelClip | null = null;
  sections.forEach((section, k) => {
    const stitched = stitch(section, clipOf(inputs[`decoded${k}`]!), pending);
    video = extended(video, section, stitched.final, stitched.provisional);
    pending = stitched.provisional;
    videos[`video${k}`] = tensorOf(video);
  });
  return videos;
}

/** The frames that were provisional until now are replaced; the others stay. */
function extended(
  video: PixelClip | null,
  section: Section,
  final: PixelClip | null,
  provisional: PixelClip | null,
): PixelClip {
  const news = [final, provisional].filter((clip) => clip !== null);
  if (section.schedule === "inverted") news.reverse();
  const added = news.reduce((joined, clip) => softAppend(joined, clip, 0));
  if (video === null) return added;
  return section.schedule === "inverted"
    ? softAppend(added, framesOf(video, section.overlapFrames, video.frames), 0)
    : softAppend(framesOf(video, 0, video.frames - section.overlapFrames), added, 0);
}

function framesOf({ data, frames, heightPx, widthPx }: PixelClip, start: number, end: number): PixelClip {
  const area = heightPx * widthPx;
  const planes = [0, 1, 2].flatMap((plane) => [
    ...data.subarray((plane * frames + start) * area, (plane * frames + end) * area),
  ]);
  return { data: Float32Array.from(planes), frames: end - start, heightPx, widthPx };
}

function inFloat16(clip: PixelClip): PixelClip {
  return { ...clip, data: clip.data.map((value) => Math.f16round(value)) };
}

/** A tensor [1, 3, frames, height, width]. */
function clipOf({ shape, data }: GoldenTensor): PixelClip {
  return { data: data as Float32Array, frames: shape[2]!, heightPx: shape[3]!, widthPx: shape[4]! };
}

function tensorOf({ data, frames, heightPx, widthPx }: PixelClip): GoldenTensor {
  return { shape: [1, 3, frames, heightPx, widthPx], data };
}
