/**
 * Raw pictures → access units, by a row of ffmpeg processes: when one is asked for a key frame, is killed or hangs, or
 * when the pictures change their size, the next one takes the next picture. ffmpeg cannot be told to make a key frame; a
 * fresh process begins with one, so one of the same size is always waiting.
 * @module
 */
import { type Ffmpeg, FfmpegError, type FfmpegProcess } from "../ffmpeg.ts";
import type { VideoFormat } from "../video.ts";
import type { AccessUnit, Codec } from "./access_unit.ts";
import { EncoderError } from "./errors.ts";
import { readFlv } from "./flv.ts";
import { readIvf } from "./ivf.ts";
import type { Quality } from "./line_quality.ts";

export interface RawPicture {
  readonly format: VideoFormat;
  /** RGB24 `[heightPx, widthPx, 3]`. */
  readonly pixels: Uint8Array;
  /** 90 kHz, below 2³². */
  readonly rtpTimestamp: number;
}

export interface EncodedPicture {
  /** The one its raw picture was written with. */
  readonly rtpTimestamp: number;
  readonly unit: AccessUnit;
}

export interface EncoderOptions {
  readonly codec: Codec;
  /** `low`: coarser, at most a third of the bits and, for pictures of 256 pixels and more, half the width and height. */
  readonly quality: Quality;
  readonly ffmpeg: Ffmpeg;
}

export interface VideoEncoder extends AsyncDisposable {
  /** Resolves when ffmpeg has taken it; waits for ever when ffmpeg hangs, until `replace()`. @throws `EncoderError` */
  write(picture: RawPicture): Promise<void>;
  /** The next picture written will be a key frame. */
  requestKeyFrame(): void;
  /** Ends the process whose pictures are awaited and goes on with the next one: what it had taken is lost. */
  replace(): void;
  /** `starting`: no picture has come yet from the process that takes pictures now. */
  readonly state: "starting" | "running";
  /** Pictures taken, or about to be, that have not come out. */
  readonly unanswered: number;
  /** Processes that took the place of another one that died or was replaced. */
  readonly restarts: number;
  /** In the order written; pictures inside a process that was killed are missing. One reader. @throws `EncoderError` */
  readonly pictures: AsyncIterable<EncodedPicture>;
}

/** The first process starts with the first picture. */
export function createVideoEncoder(options: EncoderOptions): VideoEncoder {
  return new EncoderRow((format) => new EncoderProcess(options, format));
}

/** Which encoder of ffmpeg makes a codec. */
export const encoderNames: Record<Codec, string> = { vp8: "libvpx", h264: "libx264" };

const keyFrameEverySeconds = 2;

/**
 * Capped quality: a still picture costs next to nothing, a moving one at most `maxBitrate`. No frame of delay.
 * VP8 means BT.601 (RFC 6386 section 9.2); H.264 says BT.709 itself. Both are limited range. Odd sizes lose a line.
 */
export function encoderArguments(codec: Codec, quality: Quality, format: VideoFormat): string[] {
  const { widthPx, heightPx, frameRate } = format;
  const maxBitrate = Math.round(maxBitrateOf(format) / (quality === "low" ? lowBitrateDivisor : 1));
  const half = quality === "low" && Math.min(widthPx, heightPx) >= smallestHalvedPx ? 2 : 1;
  const matrix = codec === "vp8" ? "bt601" : "bt709";
  const tag = codec === "vp8" ? "smpte170m" : "bt709";
  const size = `trunc(iw/${2 * half})*2:trunc(ih/${2 * half})*2`;
  const toYuv = `scale=${size}:out_color_matrix=${matrix}:out_range=tv,format=yuv420p`;
  return [
    ...["-hide_banner", "-loglevel", "error"],
    ...["-f", "rawvideo", "-pix_fmt", "rgb24", "-video_size", `${widthPx}x${heightPx}`],
    ...["-framerate", `${frameRate}`, "-i", "pipe:0"],
    ...["-vf", toYuv, "-colorspace", tag, "-color_primaries", tag, "-color_trc", tag, "-color_range", "tv"],
    ...["-threads", "1", "-g", `${keyFrameEverySeconds * frameRate}`],
    ...(codec === "vp8" ? vp8Arguments(maxBitrate, quality) : h264Arguments(maxBitrate, quality)),
  ];
}

const lowBitrateDivisor = 3;
const smallestHalvedPx = 256;

function vp8Arguments(maxBitrate: number, quality: Quality): string[] {
  return [
    ...["-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8"],
    ...["-lag-in-frames", "0", "-auto-alt-ref", "0", "-error-resilient", "1"],
    ...["-crf", quality === "low" ? "24" : "10", "-b:v", `${maxBitrate}`, "-f", "ivf", "pipe:1"],
  ];
}

function h264Arguments(maxBitrate: number, quality: Quality): string[] {
  return [
    ...["-c:v", "libx264", "-preset", "veryfast", "-tune", "zerolatency", "-profile:v", "baseline"],
    ...[
      "-crf",
      quality === "low" ? "30" : "23",
      "-maxrate",
      `${maxBitrate}`,
      "-bufsize",
      `${Math.round(maxBitrate / 3)}`,
    ],
    ...["-f", "flv", "pipe:1"],
  ];
}

/** A quarter of a bit per pixel, between 600 kbit/s, below which small pictures smear, and 8 Mbit/s. */
function maxBitrateOf({ widthPx, heightPx, frameRate }: VideoFormat): number {
  return Math.round(Math.min(8_000_000, Math.max(600_000, widthPx * heightPx * frameRate * 0.25)));
}

/** Processes in a row that may end without a picture. */
const barrenLimit = 3;

/** The row: `#current` takes pictures, `#spare` waits, and each process knows the one that came after it. */
class EncoderRow implements VideoEncoder {
  restarts = 0;
  readonly pictures: AsyncIterable<EncodedPicture>;
  readonly #start: (format: VideoFormat) => EncoderProcess;
  readonly #first = Promise.withResolvers<EncoderProcess | undefined>();
  #current: EncoderProcess | undefined;
  #spare: EncoderProcess | undefined;
  /** The one whose pictures are awaited; `#current` or one before it. */
  #read: EncoderProcess | undefined;
  #keyFrame: "none" | "requested" = "none";
  #closed = false;
  #barren = 0;
  readonly #alive = new Set<EncoderProcess>();

  constructor(start: (format: VideoFormat) => EncoderProcess) {
    this.#start = (format) => {
      const process = start(format);
      this.#alive.add(process);
      return process;
    };
    this.pictures = this.#readAll();
  }

  get state(): "starting" | "running" {
    return this.#current && this.#current.picturesRead > 0 ? "running" : "starting";
  }

  get unanswered(): number {
    return [...this.#alive].reduce((sum, { unanswered }) => sum + unanswered, 0);
  }

  async write(picture: RawPicture): Promise<void> {
    this.#makeReadyFor(picture.format);
    for (let attempt = 0; attempt <= barrenLimit && !this.#closed; attempt++) {
      const process = this.#current!;
      if (await process.write(picture)) return;
      this.#advance(process, picture.format);
    }
  }

  requestKeyFrame(): void {
    this.#keyFrame = "requested";
  }

  replace(): void {
    void this.#read?.[Symbol.asyncDispose]();
  }

  #makeReadyFor(format: VideoFormat): void {
    const current = this.#current;
    if (!current) {
      this.#first.resolve(this.#current = this.#start(format));
    } else if (!isSame(current.format, format) || (this.#keyFrame === "requested" && current.picturesWritten > 0)) {
      current.finish();
      this.#advance(current, format);
    }
    this.#keyFrame = "none";
  }

  async *#readAll(): AsyncGenerator<EncodedPicture, void, void> {
    for (let process = await this.#first.promise; process; process = process.next) {
      this.#read = process;
      for await (const picture of process.pictures()) {
        this.#barren = 0;
        if (!this.#closed && process === this.#current) this.#spare ??= this.#start(process.format);
        yield picture;
      }
      await process[Symbol.asyncDispose]();
      this.#alive.delete(process);
      if (this.#closed) return;
      if (process.picturesRead === 0 && ++this.#barren >= barrenLimit) throw await barrenError(process);
      if (process.input === "open") this.restarts++;
      this.#advance(process, process.format);
    }
  }

  /** Puts the next one in the place of `process`, once. */
  #advance(process: EncoderProcess, format: VideoFormat): void {
    if (process.next || this.#closed) return;
    const spare = this.#spare;
    this.#spare = undefined;
    if (spare && isSame(spare.format, format)) {
      this.#current = process.next = spare;
    } else {
      if (spare) void this.#dispose(spare);
      this.#current = process.next = this.#start(format);
    }
  }

  async #dispose(process: EncoderProcess): Promise<void> {
    await process[Symbol.asyncDispose]();
    this.#alive.delete(process);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#first.resolve(undefined);
    await Promise.all([...this.#alive].map((process) => process[Symbol.asyncDispose]()));
  }
}

function isSame(one: VideoFormat, other: VideoFormat): boolean {
  return one.widthPx === other.widthPx && one.heightPx === other.heightPx && one.frameRate === other.frameRate;
}

async function barrenError({ status }: EncoderProcess): Promise<EncoderError> {
  const { code, signal, stderrTail } = await status;
  const end = signal ? `by ${signal}` : `with code ${code}`;
  return new EncoderError(`ffmpeg ended ${end} ${barrenLimit} times before its first picture: ${stderrTail.trim()}`);
}

/** One ffmpeg from its first picture to its last. */
class EncoderProcess implements AsyncDisposable {
  next: EncoderProcess | undefined;
  picturesWritten = 0;
  picturesRead = 0;
  /** `closed`: it ends because it was told to. */
  input: "open" | "closed" = "open";
  readonly #codec: Codec;
  readonly #process: FfmpegProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #timestamps = new Map<number, number>();

  constructor({ codec, quality, ffmpeg }: EncoderOptions, readonly format: VideoFormat) {
    this.#codec = codec;
    try {
      this.#process = ffmpeg.start(encoderArguments(codec, quality, format));
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

  get unanswered(): number {
    return this.#timestamps.size;
  }

  /** False when the process has ended. */
  async write({ pixels, rtpTimestamp }: RawPicture): Promise<boolean> {
    this.#timestamps.set(this.picturesWritten++, rtpTimestamp);
    try {
      await this.#writer.write(pixels);
      return true;
    } catch {
      return false;
    }
  }

  /** No more pictures; those on their way still come out. */
  finish(): void {
    this.input = "closed";
    this.#writer.close().catch(() => {}); // it ended by itself
  }

  async *pictures(): AsyncGenerator<EncodedPicture, void, void> {
    const { readable } = this.#process;
    const units = this.#codec === "vp8" ? readIvf(readable) : readFlv(readable, this.format.frameRate);
    for await (const unit of units) {
      const rtpTimestamp = this.#timestamps.get(unit.frameNumber);
      if (rtpTimestamp === undefined) {
        throw new EncoderError(`The encoder gave picture ${unit.frameNumber}, which it never got`);
      }
      this.#timestamps.delete(unit.frameNumber);
      this.picturesRead++;
      yield { rtpTimestamp, unit };
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#writer.abort().catch(() => {}); // it ended by itself
    await this.#process[Symbol.asyncDispose]();
  }
}
