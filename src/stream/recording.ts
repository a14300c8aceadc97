/**
 * Frames in timeline order → MP4. The order they were made in does not matter any more: they lie in the store.
 * @module
 */
import { type Ffmpeg, FfmpegError, type FfmpegProcess } from "../ffmpeg.ts";
import type { FrameRange, VideoFormat, VideoPlan } from "../video.ts";
import { RecordingError } from "./errors.ts";
import { canEncode, type FileEncoder, type Preset, qualityArguments, x264 } from "./file_encoder.ts";
import type { FrameStore } from "./frame_store.ts";

export interface RecordingOptions {
  readonly store: FrameStore;
  /** Frames of the file, all of them final. */
  readonly range: FrameRange;
  readonly plan: VideoPlan;
  /** Where the MP4 will lie, in a folder that exists. */
  readonly file: string;
  /** Text for the comment tag. */
  readonly recipe?: string;
  readonly ffmpeg: Ffmpeg;
  /** Default: x264. What NVENC cannot do, x264 does. */
  readonly encoder?: FileEncoder;
}

export interface Recording {
  readonly frames: number;
  readonly sizeBytes: number;
  readonly encoder: FileEncoder["name"];
  /** Why it was not made with the encoder that was asked for. */
  readonly fault?: Error;
}

/**
 * The finished video: every frame final, made small.
 * @throws RangeError when a frame is not final; as `writeVideoFile`
 */
export async function writeRecording(
  { store, range, plan, encoder = x264, ...options }: RecordingOptions,
  signal: AbortSignal,
): Promise<Recording> {
  for (let index = range.start; index < range.end; index++) {
    const state = store.stateOf(index);
    if (state !== "final") throw new RangeError(`Cannot record frame ${index}: it is ${state ?? "missing"}, not final`);
  }
  const written = async (encoder: FileEncoder) => {
    const file = { ...options, pixels: readFrames(store, range), format: plan.format, preset: "medium" } as const;
    const { sizeBytes } = await writeVideoFile({ ...file, encoder }, signal);
    return { frames: range.end - range.start, sizeBytes, encoder: encoder.name };
  };
  if (encoder.name === "libx264" || !canEncode(encoder, plan.format)) return await written(x264);
  try {
    return await written(encoder);
  } catch (fault) {
    // The card's memory may be full, or its encoders all in use.
    if (!(fault instanceof RecordingError)) throw fault;
    return { ...await written(x264), fault };
  }
}

/** Frames of a store in order, in parts that are worth a write and fit in memory: RGB24 `[frames, heightPx, widthPx, 3]`. */
export async function* readFrames(store: FrameStore, range: FrameRange): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  for (const part of partsOf(range, store.plan.format)) yield await store.read(part);
}

export interface VideoFileOptions {
  /** RGB24, whole frames in order, as many at a time as one likes. */
  readonly pixels: AsyncIterable<Uint8Array>;
  readonly format: VideoFormat;
  /** Where the MP4 will lie, in a folder that exists. */
  readonly file: string;
  /** Text for the comment tag. */
  readonly recipe?: string;
  readonly preset: Preset;
  readonly ffmpeg: Ffmpeg;
  /** Default: x264. */
  readonly encoder?: FileEncoder;
}

/**
 * H.264 yuv420p, the format's frame rate, BT.709 limited range and tagged so, index in front. Written beside `file` as
 * `file.part` and renamed when complete; nothing is left behind otherwise.
 * @throws `RecordingError`; what `pixels` throws, if that is a RangeError; the signal's reason
 */
export async function writeVideoFile(
  options: VideoFileOptions,
  signal: AbortSignal,
): Promise<{ readonly sizeBytes: number }> {
  const { file, ffmpeg, encoder: { name } = x264 } = options;
  if (!ffmpeg.encoders.has(name)) {
    throw new RecordingError(`Cannot record "${file}": "${ffmpeg.path}" was built without ${name}`);
  }
  const partFile = `${file}.part`;
  try {
    await encode(options, partFile, signal);
    await Deno.rename(partFile, file);
    return { sizeBytes: (await Deno.stat(file)).size };
  } catch (cause) {
    await Deno.remove(partFile).catch(() => {}); // it may not have come into being
    signal.throwIfAborted();
    if (cause instanceof RangeError) throw cause;
    throw new RecordingError(`Cannot record "${file}": ${reasonOf(cause)}`, { cause });
  }
}

async function encode(options: VideoFileOptions, partFile: string, signal: AbortSignal): Promise<void> {
  await using process = options.ffmpeg.start(recordingArguments(options, partFile));
  const kill = () => void process[Symbol.asyncDispose]();
  signal.addEventListener("abort", kill, { once: true });
  const writer = process.writable.getWriter();
  try {
    for await (const part of options.pixels) {
      signal.throwIfAborted();
      await writer.write(part);
    }
    await writer.close();
    await throwIfFailed(process);
  } catch (error) {
    await writer.abort().catch(() => {}); // the process may be gone
    signal.throwIfAborted();
    await throwIfFailed(process);
    throw error;
  } finally {
    signal.removeEventListener("abort", kill);
  }
}

/** Waits for the end. Why a process has ended says more than that a write to it failed. */
async function throwIfFailed(process: FfmpegProcess): Promise<void> {
  const { success, code, signal, stderrTail } = await process.status;
  if (!success) {
    throw new FfmpegError(stderrTail.trim() || `ffmpeg ended ${signal ? `by ${signal}` : `with code ${code}`}`);
  }
}

function recordingArguments({ format, recipe, preset, encoder = x264 }: VideoFileOptions, partFile: string): string[] {
  const { widthPx, heightPx, frameRate } = format;
  const toYuv = "scale=out_color_matrix=bt709:out_range=tv:flags=accurate_rnd+full_chroma_int,format=yuv420p";
  return [
    ...["-hide_banner", "-loglevel", "error", "-y"],
    ...["-f", "rawvideo", "-pix_fmt", "rgb24", "-video_size", `${widthPx}x${heightPx}`],
    ...["-framerate", `${frameRate}`, "-i", "pipe:0"],
    ...["-vf", toYuv, ...qualityArguments(encoder, preset)],
    ...["-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709", "-color_range", "tv"],
    ...(recipe === undefined ? [] : ["-metadata", `comment=${recipe}`]),
    ...["-movflags", "+faststart", "-f", "mp4", partFile],
  ];
}

const partBytes = 8 << 20;

/** A range in parts that are worth a write and fit in memory. */
function* partsOf({ start, end }: FrameRange, { widthPx, heightPx }: VideoFormat): Generator<FrameRange> {
  const frames = Math.max(1, Math.floor(partBytes / (widthPx * heightPx * 3)));
  for (let at = start; at < end; at += frames) yield { start: at, end: Math.min(at + frames, end) };
}

function reasonOf(cause: unknown): string {
  const message = cause instanceof Error ? cause.message : String(cause);
  return /ENOSPC|No space left|os error 28/i.test(message) ? "no space is left on the disk" : message;
}
