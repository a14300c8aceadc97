/**
 * Frames back out of a finished MP4.
 * @module
 */
import type { Ffmpeg } from "../ffmpeg.ts";
import type { VideoFormat } from "../video.ts";

/** Frames of the file: from `first` on, `frames` of them. */
export interface FileRange {
  readonly first: number;
  readonly frames: number;
}

/**
 * Decoded frames in order, `batchFrames` at a time, the last batch shorter: RGB24 `[frames, heightPx, widthPx, 3]`.
 * @throws `Error` with what ffmpeg printed when the file holds fewer frames
 */
export async function* readFileFrames(
  ffmpeg: Ffmpeg,
  file: string,
  format: VideoFormat,
  range: FileRange,
  batchFrames: number,
): AsyncGenerator<Uint8Array> {
  await using process = ffmpeg.start(decodeArguments(file, format, range));
  process.writable.close().catch(() => {}); // it reads nothing, and may have ended already
  const frameBytes = format.widthPx * format.heightPx * 3;
  let left = range.frames;
  let batch = new Uint8Array(Math.min(batchFrames, left) * frameBytes);
  let filled = 0;
  for await (const bytes of process.readable) {
    for (let used = 0; used < bytes.length && left > 0;) {
      const part = bytes.subarray(used, used + batch.length - filled);
      batch.set(part, filled);
      used += part.length;
      filled += part.length;
      if (filled < batch.length) continue;
      yield batch;
      left -= batch.length / frameBytes;
      batch = new Uint8Array(Math.min(batchFrames, left) * frameBytes);
      filled = 0;
    }
  }
  if (left > 0) throw new Error(`"${file}" ended ${left} frames early: ${(await process.status).stderrTail.trim()}`);
}

/** The seek lands on the first frame at or after the time, so half a frame before the wanted one is exact. */
function decodeArguments(file: string, { frameRate }: VideoFormat, { first, frames }: FileRange): string[] {
  const seek = first === 0 ? [] : ["-ss", ((first - 0.5) / frameRate).toFixed(6)];
  return [
    ...["-v", "error", "-nostdin", ...seek, "-i", file],
    ...["-frames:v", String(frames), "-vsync", "passthrough", "-f", "rawvideo", "-pix_fmt", "rgb24", "pipe:1"],
  ];
}
