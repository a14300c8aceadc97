/**
 * The frames of one session and the live picture made of them.
 * @module
 */
import { rm } from "node:fs/promises";
import type { GenerationEvent } from "../engine/mod.ts";
import type { Ffmpeg } from "../ffmpeg.ts";
import {
  createLiveStream,
  createVideoSource,
  type FileEncoder,
  type Footage,
  type FrameStore,
  type LiveStream,
  type NetworkOptions,
  openFrameStore,
  type PresentFrames,
  reopenFrameStore,
  VideoFootage,
  type ViewerLimits,
} from "../stream/mod.ts";
import type { FrameBatch, FrameRange, RgbImage, VideoPlan } from "../video.ts";

/** What live pictures and recordings are made with. */
export interface StreamTools {
  readonly ffmpeg: Ffmpeg;
  /** Of finished videos. Default: x264. */
  readonly fileEncoder?: FileEncoder;
  readonly network: NetworkOptions;
  /** Of each live picture. */
  readonly limits: ViewerLimits;
}

/** Open from the session's creation until nobody needs its frames any more. Disposing removes the raw frames. */
export interface Pictures extends AsyncDisposable {
  readonly live: LiveStream;
  readonly store: FrameStore;
  /** What can be shown at this moment. */
  readonly footage: Footage;
  /** To disk, then to whoever watches. @throws `StoreError` */
  write(batch: FrameBatch): Promise<void>;
  /** No more frames will come; of those written, `kept` are final. The live picture goes on with them. */
  end(kept: FrameRange | null): void;
  /** What the engine tells: frames are written, previews and progress shown. @throws `StoreError` */
  follow(event: GenerationEvent): Promise<void>;
}

export interface PicturesOptions {
  /** Of the session. */
  readonly id: string;
  /** Of the raw frames. */
  readonly file: string;
  readonly plan: VideoPlan;
  /** Of the video's size, shown until there are frames. */
  readonly placeholder: RgbImage;
  readonly tools: StreamTools;
  /** Frames of an earlier process that are in the file and stay there. Default: the file is emptied. */
  readonly present?: readonly PresentFrames[];
}

/** @throws `StoreError` */
export async function openPictures(options: PicturesOptions): Promise<Pictures> {
  const { id, file, plan, placeholder, tools, present } = options;
  const store = present ? await reopenFrameStore(file, plan, present) : await openFrameStore(file, plan);
  const footage = new VideoFootage({ store, placeholder });
  for (const range of present ?? []) footage.arrived(range);
  const live = createLiveStream({ source: (choice) => createVideoSource(id, footage, choice), ...tools });
  const frameBytes = placeholder.pixels.length;
  const write = async (batch: FrameBatch) => {
    await store.write(batch);
    const { firstFrameIndex: start, pixels } = batch;
    footage.arrived({ start, end: start + pixels.length / frameBytes });
  };
  return {
    live,
    store,
    footage,
    write,
    end(kept) {
      if (kept !== null) store.settle(kept);
      footage.end(kept);
    },
    async follow(event) {
      if (event.kind === "frames") await write(event.batch);
      else if (event.kind === "preview") footage.showPreview(event.clip);
      else if (event.kind === "sampling") footage.working(event.section, 0);
      else if (event.kind === "step") footage.working(event.section, event.step / event.of);
    },
    async [Symbol.asyncDispose]() {
      await live[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
      await rm(file, { force: true });
    },
  };
}

/** A black picture, where there is no other. */
export function blank(widthPx: number, heightPx: number): RgbImage {
  return { widthPx, heightPx, pixels: new Uint8Array(widthPx * heightPx * 3) };
}
