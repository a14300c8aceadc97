/**
 * The frames of one session and the live picture made of them.
 * @module
 */
import { rm } from "node:fs/promises";
import type { Ffmpeg } from "../ffmpeg.ts";
import {
  createLiveStream,
  FrameBus,
  type FrameStore,
  type LiveStream,
  type NetworkOptions,
  openFrameStore,
} from "../stream/mod.ts";
import type { FrameBatch, FrameRange, RgbImage, VideoPlan } from "../video.ts";

/** What live pictures and recordings are made with. */
export interface StreamTools {
  readonly ffmpeg: Ffmpeg;
  readonly network: NetworkOptions;
}

/** Open from the session's creation until nobody needs its frames any more. Disposing removes the raw frames. */
export interface Pictures extends AsyncDisposable {
  readonly live: LiveStream;
  readonly store: FrameStore;
  /** To disk, then to whoever watches. @throws `StoreError` */
  write(batch: FrameBatch): Promise<void>;
  /** No more frames will come; of those written, `kept` are final. The live picture goes on with them. */
  end(kept: FrameRange | null): void;
}

/**
 * @param file of the raw frames; emptied
 * @param placeholder of the video's size, shown until there are frames
 * @throws `StoreError`
 */
export async function openPictures(
  file: string,
  plan: VideoPlan,
  placeholder: RgbImage,
  tools: StreamTools,
): Promise<Pictures> {
  const store = await openFrameStore(file, plan);
  const bus = new FrameBus<FrameBatch>();
  // The batches only tell which frames lie in the store; 64 are more than two sections, so none is lost by dropping.
  const frames = bus.read({ overflow: "drop-oldest", capacity: 64 });
  const live = createLiveStream({ plan, placeholder, frames, store, ...tools });
  return {
    live,
    store,
    async write(batch) {
      await store.write(batch);
      await bus.push(batch);
    },
    end(kept) {
      if (kept !== null) store.settle(kept);
      bus.close();
    },
    async [Symbol.asyncDispose]() {
      bus.close();
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
