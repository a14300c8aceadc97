/**
 * What finished videos are encoded with: x264 on the processor, or NVENC on an NVIDIA card.
 * docs/decisions/0028-files-by-nvenc.md
 * @module
 */
import { type Ffmpeg, nvencArguments, tryEncoder } from "../ffmpeg.ts";
import type { VideoFormat } from "../video.ts";
import { EncoderError } from "./errors.ts";

export type FileEncoder = { readonly name: "libx264" } | { readonly name: "h264_nvenc"; readonly gpu: number };

/** Of x264: `medium` makes the smaller file, `veryfast` makes it soon. */
export type Preset = "medium" | "veryfast";

export const x264: FileEncoder = { name: "libx264" };

/**
 * `auto`: NVENC where there is a GPU and it works there, else x264.
 * @param gpu that of the engine; undefined for none
 * @throws EncoderError when NVENC is asked for and does not work
 */
export async function chooseFileEncoder(
  ffmpeg: Ffmpeg,
  wish: "auto" | FileEncoder["name"],
  gpu: number | undefined,
): Promise<FileEncoder> {
  if (wish === "libx264" || (wish === "auto" && gpu === undefined)) return x264;
  const encoder: FileEncoder = { name: "h264_nvenc", gpu: gpu ?? 0 };
  const trial = await tryEncoder(ffmpeg, encoder.name, qualityArguments(encoder, "medium"));
  if (trial.kind === "works") return encoder;
  if (wish === "auto") return x264;
  throw new EncoderError(`Cannot encode files with h264_nvenc: ${trial.why}`);
}

/** Whether pictures are neither too small for an encoder nor too large. */
export function canEncode({ name }: FileEncoder, { widthPx, heightPx }: VideoFormat): boolean {
  return name === "libx264" || (widthPx >= 146 && heightPx >= 50 && widthPx <= 4096 && heightPx <= 4096);
}

/** Of constant quality; the two look alike. */
export function qualityArguments(encoder: FileEncoder, preset: Preset): string[] {
  if (encoder.name === "h264_nvenc") return nvencArguments(encoder.gpu);
  return ["-c:v", "libx264", "-preset", preset, "-crf", "18"];
}
