/**
 * The picture of a channel: one video, then the next, and a slate where there is none.
 * @module
 */
import type { VideoFormat } from "../video.ts";
import { type Footage, sampledOf } from "./footage.ts";
import { framesBefore } from "./frame_ranges.ts";
import type { PictureSource, TickPicture } from "./picture_source.ts";
import { createPlayout, type Playout, type Run, type ViewChoice } from "./playout.ts";
import { framesFrom, isPast } from "./playout_run.ts";
import { drawChannelSlate } from "./slate.ts";
import { playVideo } from "./video_source.ts";

/** When a video is over it plays once as a whole, and then: the slate, the video again and again, or its last frame. */
export const channelEnds = ["once", "loop", "hold"] as const;
export type ChannelEnd = typeof channelEnds[number];

/** A video as a channel gets it. */
export interface ChannelVideo {
  /** Of its session. */
  readonly id: string;
  readonly footage: Footage;
  /** From this call on its frames stay readable, until what is returned is disposed. */
  hold(): AsyncDisposable;
}

export interface ChannelSourceOptions {
  /** The video whose turn it is, being made or over; null when there is none. Asked at each tick. */
  readonly current: () => ChannelVideo | null;
  readonly choice: ViewChoice;
  readonly end: ChannelEnd;
  /** Of the slate before the first video; later ones keep the format of the video before. */
  readonly format: VideoFormat;
}

/**
 * The next video is shown as soon as it has a picture, and the one before until then. If it has one already when its turn
 * comes, since both were made at a time, the one before is shown as a whole first. The source holds what it shows, and
 * never throws: a video that cannot be read is passed over.
 */
export function createChannelSource(options: ChannelSourceOptions): PictureSource {
  return new ChannelSource(options);
}

/** The video that is on. */
interface Showing {
  readonly video: ChannelVideo;
  readonly held: AsyncDisposable;
  readonly source: PictureSource;
  /** `whole`: once from its first frame to its last. */
  readonly part: "view" | "whole";
  /** When, after its end, it will have been shown once; left out before its end. */
  readonly seenAtTick?: number;
}

class ChannelSource implements PictureSource {
  readonly #options: ChannelSourceOptions;
  #showing: Showing | undefined;
  /** The video that has been shown to its end. */
  #doneId: string | undefined;
  /** The newest video that had no picture yet when its turn came. */
  #awaitedId: string | undefined;
  #format: VideoFormat | undefined;
  #slate: { readonly look: string; readonly pixels: Uint8Array } | undefined;
  #slateRun: Run | undefined;

  constructor(options: ChannelSourceOptions) {
    this.#options = options;
  }

  async next(tick: number): Promise<TickPicture> {
    const current = this.#options.current();
    if (this.#showing) this.#showing = this.#asItIs(this.#showing, tick);
    const picture = await this.#begin(current, tick) ?? await this.#goOn(current, tick);
    if (!picture) return this.#drawSlate(current, tick);
    this.#format = picture.format;
    this.#slateRun = undefined;
    return picture;
  }

  /** The first picture of a video that has not been shown yet, if it has one. */
  async #begin(current: ChannelVideo | null, tick: number): Promise<TickPicture | undefined> {
    const { choice } = this.#options;
    if (!current || current.id === this.#showing?.video.id || current.id === this.#doneId) return undefined;
    const { id, footage } = current;
    if (!hasPicture(footage, choice)) {
      this.#awaitedId = id;
      return undefined;
    }
    if (id !== this.#awaitedId && !this.#isSeen(tick)) return undefined;
    const showing = {
      video: current,
      held: current.hold(),
      source: playVideo(id, footage, createPlayout(choice, footage)),
    };
    const next = this.#asItIs({ ...showing, part: "view" }, tick);
    const picture = await pictureOf(next.source, tick);
    if (picture) await this.#leave();
    else await next.held[Symbol.asyncDispose]();
    if (picture) this.#showing = next;
    return picture;
  }

  /** The next picture of the video that is on; none when it has been shown to its end, or is gone. */
  async #goOn(current: ChannelVideo | null, tick: number): Promise<TickPicture | undefined> {
    if (!this.#showing) return undefined;
    const { video: { id, footage }, source, part } = this.#showing;
    const isGone = current === null || (footage.isOver && footage.decoded.length === 0);
    const picture = isGone ? undefined : await pictureOf(source, tick);
    const isLast = part === "whole" && this.#options.end === "once";
    if (picture && !(isLast && isPast(picture.run, tick))) return picture;
    this.#doneId = id;
    await this.#leave();
    return undefined;
  }

  /** Once a video is over, its whole length is due. In a loop most views play that by themselves, without a jump. */
  #asItIs(showing: Showing, tick: number): Showing {
    const { end, choice } = this.#options;
    const { id, footage } = showing.video;
    const [whole] = footage.decoded;
    if (showing.seenAtTick !== undefined || !footage.isOver || !whole) return showing;
    const seenAtTick = tick + whole.end - whole.start;
    if (end === "loop" && choice.view !== "arrival") return { ...showing, seenAtTick };
    let run: Run | undefined;
    const playout: Playout = { next: (tick) => run ??= framesFrom(tick, whole, { loop: end === "loop" }) };
    return { ...showing, seenAtTick, part: "whole", source: playVideo(id, footage, playout) };
  }

  /** Nothing more of the video that is on has to be shown, if one is. One that is still made has lost its turn. */
  #isSeen(tick: number): boolean {
    const { video, seenAtTick } = this.#showing ?? {};
    return seenAtTick === undefined || tick >= seenAtTick || video?.footage.decoded.length === 0;
  }

  async #leave(): Promise<void> {
    const showing = this.#showing;
    this.#showing = undefined;
    await showing?.source[Symbol.asyncDispose]();
    await showing?.held[Symbol.asyncDispose]();
  }

  #drawSlate(current: ChannelVideo | null, tick: number): TickPicture {
    const format = this.#format ??= current?.footage.plan.format ?? this.#options.format;
    const progress = current && !current.footage.isOver ? progressOf(current.footage) : null;
    const look = JSON.stringify([format, progress]);
    if (this.#slate?.look !== look) this.#slate = { look, pixels: drawChannelSlate(format, progress) };
    this.#slateRun ??= { sinceTick: tick, shows: "slate", start: 0, end: 0, rate: 1, loop: false };
    return { format, pixels: this.#slate.pixels, run: this.#slateRun, video: null };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#leave();
  }
}

function hasPicture({ decoded, preview }: Footage, { previews }: ViewChoice): boolean {
  return decoded.length > 0 || (previews === "shown" && preview !== null);
}

/** Undefined when not even the first picture can be read. */
async function pictureOf(source: PictureSource, tick: number): Promise<TickPicture | undefined> {
  try {
    return await source.next(tick);
  } catch {
    return undefined;
  }
}

/** 0 to 1 in hundredths, rounded down: as fine as the slate shows it. */
function progressOf({ plan, decoded, work }: Footage): number {
  const frames = plan.sections.map(({ start, end }, index) => {
    const made = framesBefore(decoded, end) - framesBefore(decoded, start);
    return Math.max(made, (end - start) * sampledOf(work, index + 1));
  });
  return Math.floor(100 * frames.reduce((sum, count) => sum + count, 0) / plan.frames) / 100;
}
