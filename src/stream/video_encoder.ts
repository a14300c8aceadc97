/**
 * Raw pictures → access units, by a row of ffmpeg processes: when one is asked for a key frame or is killed, the next
 * one, already waiting, takes the next picture. ffmpeg cannot be told to make a key frame; a fresh process begins with one.
 * @module
 */
import { type Ffmpeg, FfmpegError, type FfmpegProcess } from "../ffmpeg.ts";
import type { VideoFormat } from "../video.ts";
import type { AccessUnit, Codec } from "./access_unit.ts";
import { EncoderError } from "./errors.ts";
import { readFlv } from "./flv.ts";
import { readIvf } from "./ivf.ts";

export interface EncodedPicture {
  /** The one its raw picture was written with. */
  readonly rtpTimestamp: number;
  readonly unit: AccessUnit;
}

export interface VideoEncoder extends AsyncDisposable {
  /** RGB24 of one picture. Resolves when ffmpeg has taken it. @throws `EncoderError` */
  write(pixels: Uint8Array, rtpTimestamp: number): Promise<void>;
  /** The next picture written will be a key frame. */
  requestKeyFrame(): void;
  /** In the order written; pictures inside a process that was killed are missing. One reader. @throws `EncoderError` */
  readonly pictures: AsyncIterable<EncodedPicture>;
}

/** @throws `EncoderError` */
export function startVideoEncoder(
  options: { readonly codec: Codec; readonly format: VideoFormat; readonly ffmpeg: Ffmpeg },
): VideoEncoder {
  return new EncoderRow(() => new EncoderProcess(options));
}

/** Which encoder of ffmpeg makes a codec. */
export const encoderNames: Record<Codec, string> = { vp8: "libvpx", h264: "libx264" };

const keyFrameEverySeconds = 2;

/**
 * Capped quality: a still picture costs next to nothing, a moving one at most `maxBitrate`. No frame of delay.
 * VP8 means BT.601 (RFC 6386 section 9.2); H.264 says BT.709 itself. Both are limited range. Odd sizes lose a line.
 */
export function encoderArguments(codec: Codec, { widthPx, heightPx, frameRate }: VideoFormat): string[] {
  const maxBitrate = maxBitrateOf({ widthPx, heightPx, frameRate });
  const matrix = codec === "vp8" ? "bt601" : "bt709";
  const tag = codec === "vp8" ? "smpte170m" : "bt709";
  const toYuv = `scale=trunc(iw/2)*2:trunc(ih/2)*2:out_color_matrix=${matrix}:out_range=tv,format=yuv420p`;
  return [
    ...["-hide_banner", "-loglevel", "error"],
    ...["-f", "rawvideo", "-pix_fmt", "rgb24", "-video_size", `${widthPx}x${heightPx}`],
    ...["-framerate", `${frameRate}`, "-i", "pipe:0"],
    ...["-vf", toYuv, "-colorspace", tag, "-color_primaries", tag, "-color_trc", tag, "-color_range", "tv"],
    ...["-threads", "1", "-g", `${keyFrameEverySeconds * frameRate}`],
    ...(codec === "vp8" ? vp8Arguments(maxBitrate) : h264Arguments(maxBitrate)),
  ];
}

function vp8Arguments(maxBitrate: number): string[] {
  return [
    ...["-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8"],
    ...["-lag-in-frames", "0", "-auto-alt-ref", "0", "-error-resilient", "1"],
    ...["-crf", "10", "-b:v", `${maxBitrate}`, "-f", "ivf", "pipe:1"],
  ];
}

function h264Arguments(maxBitrate: number): string[] {
  return [
    ...["-c:v", "libx264", "-preset", "veryfast", "-tune", "zerolatency", "-profile:v", "baseline"],
    ...["-crf", "23", "-maxrate", `${maxBitrate}`, "-bufsize", `${Math.round(maxBitrate / 3)}`],
    ...["-f", "flv", "pipe:1"],
  ];
}

/** A quarter of a bit per pixel, between 600 kbit/s, below which small pictures smear, and 8 Mbit/s. */
function maxBitrateOf({ widthPx, heightPx, frameRate }: VideoFormat): number {
  return Math.round(Math.min(8_000_000, Math.max(600_000, widthPx * heightPx * frameRate * 0.25)));
}

const barrenLimit = 3;
/** A picture takes 3 ms; on a computer with everything else to do, some hundred. */
const stuckAfterMs = 3000;

/** The row: `#current` takes pictures, `#spare` waits, and each process knows the one that came after it. */
class EncoderRow implements VideoEncoder {
  readonly pictures: AsyncIterable<EncodedPicture>;
  readonly #start: () => EncoderProcess;
  #current: EncoderProcess;
  #spare: EncoderProcess | undefined;
  #keyFrame: "none" | "requested" = "none";
  #state: "open" | "closed" = "open";
  /** Processes in a row that ended without a picture. */
  #barren = 0;
  readonly #alive = new Set<EncoderProcess>();

  constructor(start: () => EncoderProcess) {
    this.#start = () => {
      const process = start();
      this.#alive.add(process);
      return process;
    };
    this.#current = this.#start();
    this.pictures = this.#read();
  }

  async write(pixels: Uint8Array, rtpTimestamp: number): Promise<void> {
    if (this.#keyFrame === "requested" && this.#current.picturesWritten > 0) {
      this.#current.finish();
      this.#advance(this.#current);
    }
    this.#keyFrame = "none";
    for (let attempt = 0; attempt <= barrenLimit && this.#state === "open"; attempt++) {
      const process = this.#current;
      if (await process.write(pixels, rtpTimestamp)) return;
      this.#advance(process);
    }
  }

  requestKeyFrame(): void {
    this.#keyFrame = "requested";
  }

  async *#read(): AsyncGenerator<EncodedPicture, void, void> {
    let process = this.#current;
    while (true) {
      let pictures = 0;
      for await (const picture of process.pictures()) {
        pictures++;
        this.#barren = 0;
        if (this.#state === "open") this.#spare ??= this.#start();
        yield picture;
      }
      await process[Symbol.asyncDispose]();
      this.#alive.delete(process);
      if (this.#state === "closed") return;
      if (pictures === 0 && ++this.#barren >= barrenLimit) {
        const { code, signal, stderrTail } = await process.status;
        throw new EncoderError(
          `ffmpeg ended ${
            signal ? `by ${signal}` : `with code ${code}`
          } ${barrenLimit} times before its first picture: ${stderrTail.trim()}`,
        );
      }
      this.#advance(process);
      process = process.next!;
    }
  }

  /** Puts the spare in the place of `process`, once. */
  #advance(process: EncoderProcess): void {
    if (process.next) return;
    this.#current = process.next = this.#spare ?? this.#start();
    this.#spare = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#state = "closed";
    await Promise.all([...this.#alive].map((process) => process[Symbol.asyncDispose]()));
  }
}

/** One ffmpeg from its first picture to its last. */
class EncoderProcess implements AsyncDisposable {
  next: EncoderProcess | undefined;
  picturesWritten = 0;
  readonly #codec: Codec;
  readonly #frameRate: number;
  readonly #process: FfmpegProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #timestamps = new Map<number, number>();

  constructor({ codec, format, ffmpeg }: { codec: Codec; format: VideoFormat; ffmpeg: Ffmpeg }) {
    this.#codec = codec;
    this.#frameRate = format.frameRate;
    try {
      this.#process = ffmpeg.start(encoderArguments(codec, format));
    } catch (cause) {
      if (!(cause instanceof FfmpegError)) throw cause;
      throw new EncoderError(`Cannot start the ${codec} encoder: ${cause.message}`, { cause });
    }
    this.#writer = this.#process.writable.getWriter();
    this.#writer.closed.catch(() => {}); // told by write()
  }

  get status(): FfmpegProcess["status"] {
    return this.#process.status;
  }

  /** False when the process has ended, or was ended because it took nothing any more. */
  async write(pixels: Uint8Array, rtpTimestamp: number): Promise<boolean> {
    this.#timestamps.set(this.picturesWritten++, rtpTimestamp);
    const stuck = setTimeout(() => void this.#process[Symbol.asyncDispose](), stuckAfterMs);
    try {
      await this.#writer.write(pixels);
      return true;
    } catch {
      return false;
    } finally {
      clearTimeout(stuck);
    }
  }

  /** No more pictures; those on their way still come out. */
  finish(): void {
    this.#writer.close().catch(() => {}); // it ended by itself
  }

  async *pictures(): AsyncGenerator<EncodedPicture, void, void> {
    const { readable } = this.#process;
    const units = this.#codec === "vp8" ? readIvf(readable) : readFlv(readable, this.#frameRate);
    for await (const unit of units) {
      const rtpTimestamp = this.#timestamps.get(unit.frameNumber);
      if (rtpTimestamp === undefined) {
        throw new EncoderError(`The encoder gave picture ${unit.frameNumber}, which it never got`);
      }
      this.#timestamps.delete(unit.frameNumber);
      yield { rtpTimestamp, unit };
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#writer.abort().catch(() => {}); // it ended by itself
    await this.#process[Symbol.asyncDispose]();
  }
}
