/**
 * Every decoded frame of one video, on disk: raw RGB24, frame n at byte n × frame size. The file is sparse, so that a
 * video whose end is made first takes no more room than the frames it has.
 * @module
 */
import type { FrameBatch, FrameRange, FrameState, VideoPlan } from "../video.ts";
import { StoreError } from "./errors.ts";

/** Holds its file open until disposed; the file itself stays. */
export interface FrameStore extends AsyncDisposable {
  readonly plan: VideoPlan;
  /**
   * Frames count as written only when all their bytes are, so a full disk loses nothing that was there before.
   * @throws RangeError for frames outside the plan, or for a frame that is already in a later state; `StoreError`
   */
  write(batch: FrameBatch): Promise<void>;
  /** RGB24 `[frames, heightPx, widthPx, 3]`. @throws RangeError when one of the frames was never written; `StoreError` */
  read(range: FrameRange): Promise<Uint8Array<ArrayBuffer>>;
  stateOf(frameIndex: number): FrameState | undefined;
  /** Declares what has been written of a range final, without new pixels: what a stop does to provisional frames. */
  settle(range: FrameRange): void;
}

/** Creates the file, or empties it. @throws `StoreError` */
export async function openFrameStore(file: string, plan: VideoPlan): Promise<FrameStore> {
  try {
    return new DiskFrameStore(file, plan, await openPositioned(file, "create"), await openPositioned(file, "read"));
  } catch (cause) {
    throw new StoreError(`Cannot open the frame store "${file}": ${reasonOf(cause)}`, { cause });
  }
}

/** Frames of one state. */
export interface PresentFrames extends FrameRange {
  readonly state: FrameState;
}

/** The file of an earlier process. @param present what counts as written. @throws `StoreError` when it is shorter than that */
export async function reopenFrameStore(
  file: string,
  plan: VideoPlan,
  present: readonly PresentFrames[],
): Promise<FrameStore> {
  try {
    const store = new DiskFrameStore(
      file,
      plan,
      await openPositioned(file, "write"),
      await openPositioned(file, "read"),
    );
    try {
      await store.assume(present);
    } catch (cause) {
      await store[Symbol.asyncDispose]();
      throw cause;
    }
    return store;
  } catch (cause) {
    throw new StoreError(`Cannot open the frame store "${file}": ${reasonOf(cause)}`, { cause });
  }
}

const later: readonly (FrameState | undefined)[] = [undefined, "provisional", "final"];

class DiskFrameStore implements FrameStore {
  readonly #states: (FrameState | undefined)[];
  readonly #frameBytes: number;
  readonly #writer: PositionedFile;
  readonly #reader: PositionedFile;

  constructor(readonly file: string, readonly plan: VideoPlan, writer: PositionedFile, reader: PositionedFile) {
    this.#frameBytes = plan.format.widthPx * plan.format.heightPx * 3;
    this.#states = new Array<FrameState | undefined>(plan.frames).fill(undefined);
    this.#writer = writer;
    this.#reader = reader;
  }

  async write({ firstFrameIndex: start, pixels, state }: FrameBatch): Promise<void> {
    const end = start + pixels.length / this.#frameBytes;
    this.#assertInside({ start, end });
    for (let index = start; index < end; index++) {
      const present = this.#states[index];
      if (later.indexOf(present) > later.indexOf(state)) {
        throw new RangeError(`Cannot write frame ${index} as ${state}: it is ${present} already`);
      }
    }
    try {
      await this.#writer.write(pixels, start * this.#frameBytes);
    } catch (cause) {
      const what = `Cannot store frames ${start} to ${end - 1} in "${this.file}"`;
      throw new StoreError(`${what}: ${reasonOf(cause)} (${pixels.length} bytes were to be written)`, { cause });
    }
    this.#states.fill(state, start, end);
  }

  async read(range: FrameRange): Promise<Uint8Array<ArrayBuffer>> {
    this.#assertInside(range);
    for (let index = range.start; index < range.end; index++) {
      if (this.#states[index] === undefined) throw new RangeError(`Cannot read frame ${index}: it was never written`);
    }
    try {
      const sizeBytes = (range.end - range.start) * this.#frameBytes;
      return await this.#reader.read(sizeBytes, range.start * this.#frameBytes);
    } catch (cause) {
      const what = `Cannot read frames ${range.start} to ${range.end - 1} of "${this.file}"`;
      throw new StoreError(`${what}: ${reasonOf(cause)}`, { cause });
    }
  }

  stateOf(frameIndex: number): FrameState | undefined {
    return this.#states[frameIndex];
  }

  settle({ start, end }: FrameRange): void {
    for (let index = start; index < end; index++) {
      if (this.#states[index] === "provisional") this.#states[index] = "final";
    }
  }

  async assume(present: readonly PresentFrames[]): Promise<void> {
    for (const range of present) {
      this.#assertInside(range);
      this.#states.fill(range.state, range.start, range.end);
    }
    const { size } = await Deno.stat(this.file);
    const neededBytes = this.#frameBytes * Math.max(0, ...present.map(({ end }) => end));
    if (size < neededBytes) throw new Error(`it has ${size} bytes, and should have ${neededBytes}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writer.close();
    await this.#reader.close();
  }

  #assertInside({ start, end }: FrameRange): void {
    const whole = Number.isInteger(start) && Number.isInteger(end);
    if (!whole || start < 0 || end <= start || end > this.plan.frames) {
      throw new RangeError(
        `Cannot use frames [${start}, ${end}): expected whole frames inside [0, ${this.plan.frames})`,
      );
    }
  }
}

/** Seek and transfer are two calls of one file, so one transfer waits for the one before it. */
interface PositionedFile {
  write(bytes: Uint8Array, offsetBytes: number): Promise<void>;
  read(sizeBytes: number, offsetBytes: number): Promise<Uint8Array<ArrayBuffer>>;
  close(): Promise<void>;
}

const openings = {
  create: { write: true, create: true, truncate: true },
  write: { write: true },
  read: { read: true },
} as const;

async function openPositioned(path: string, mode: keyof typeof openings): Promise<PositionedFile> {
  const file = await Deno.open(path, openings[mode]);
  let turn: Promise<unknown> = Promise.resolve();
  const inTurn = <Result>(transfer: () => Promise<Result>): Promise<Result> => {
    const result = turn.then(transfer);
    turn = result.catch(() => {});
    return result;
  };
  return {
    write: (bytes, offsetBytes) =>
      inTurn(async () => {
        await file.seek(offsetBytes, Deno.SeekMode.Start);
        for (let done = 0; done < bytes.length;) done += await file.write(bytes.subarray(done));
      }),
    read: (sizeBytes, offsetBytes) =>
      inTurn(async () => {
        await file.seek(offsetBytes, Deno.SeekMode.Start);
        const bytes = new Uint8Array(sizeBytes);
        for (let done = 0; done < sizeBytes;) {
          const count = await file.read(bytes.subarray(done));
          if (count === null) throw new Error(`the file ends ${sizeBytes - done} bytes too early`);
          done += count;
        }
        return bytes;
      }),
    close: () => inTurn(() => Promise.resolve(file.close())),
  };
}

function reasonOf(cause: unknown): string {
  const message = cause instanceof Error ? cause.message : String(cause);
  return /os error 28|ENOSPC|No space left/i.test(message) ? "no space is left on the disk" : message;
}
