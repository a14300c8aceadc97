/** A video of plain grey frames whose number can be read back, in a real frame store. */
import { VideoFootage } from "../src/stream/footage.ts";
import { type FrameStore, openFrameStore } from "../src/stream/frame_store.ts";
import type { FrameRange, FrameState, PreviewClip, VideoPlan } from "../src/video.ts";

export interface TestVideo extends AsyncDisposable {
  readonly footage: VideoFootage;
  readonly store: FrameStore;
  /** Writes frames and tells the footage. Each pixel of frame n is n + 1. */
  make(range: FrameRange, state?: FrameState): Promise<void>;
  preview(section: number): void;
}

/** The start picture is white, which no frame is. */
export async function openTestVideo(plan: VideoPlan): Promise<TestVideo> {
  const { widthPx, heightPx } = plan.format;
  const frameBytes = widthPx * heightPx * 3;
  const file = await Deno.makeTempFile({ prefix: "framecast-test-" });
  const store = await openFrameStore(file, plan);
  const placeholder = { widthPx, heightPx, pixels: new Uint8Array(frameBytes).fill(255) };
  const footage = new VideoFootage({ store, placeholder });
  return {
    footage,
    store,
    async make({ start, end }, state = "final") {
      const pixels = new Uint8Array((end - start) * frameBytes);
      for (let index = start; index < end; index++) {
        pixels.fill(index + 1, (index - start) * frameBytes, (index - start + 1) * frameBytes);
      }
      await store.write({ firstFrameIndex: start, pixels, state });
      footage.arrived({ start, end });
    },
    preview(section) {
      footage.showPreview(previewOf(plan, section));
    },
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]();
      await Deno.remove(file);
    },
  };
}

/** A small preview of one colour, 254, in two pictures. */
export function previewOf({ sections, format }: VideoPlan, section: number): PreviewClip {
  const widthPx = format.widthPx / 8;
  const heightPx = format.heightPx / 8;
  const pixels = new Uint8Array(2 * widthPx * heightPx * 3).fill(254);
  return { range: sections[section - 1]!, section, step: 2, of: 9, widthPx, heightPx, pictures: 2, pixels };
}
