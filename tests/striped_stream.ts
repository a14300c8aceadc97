/**
 * A live stream that needs no video: moving stripes, of another width in each view.
 * @module
 */
import { findFfmpeg } from "../src/ffmpeg.ts";
import {
  createLiveStream,
  type LiveStream,
  type LiveStreamOptions,
  type PictureSource,
  type ViewChoice,
} from "../src/stream/mod.ts";

const ffmpeg = await findFfmpeg();
export const edge: ViewChoice = { view: "edge", wait: "hold", previews: "shown" };
export const arrival: ViewChoice = { view: "arrival", wait: "loop", previews: "shown" };

/** Moving stripes. View `edge` is 64 pixels wide, every other one 96. */
function stripes({ view }: ViewChoice): PictureSource {
  const format = { widthPx: view === "edge" ? 64 : 96, heightPx: 48, frameRate: 30 };
  const run = { sinceTick: 0, shows: "frames", start: 0, end: 73, rate: 1, loop: true } as const;
  return {
    next: (tick) => {
      const pixels = new Uint8Array(format.widthPx * format.heightPx * 3)
        .map((_, at) => (Math.floor(at / 3) % format.widthPx + tick) & 16 ? 200 : 40);
      return Promise.resolve({ format, pixels, run, video: "one" });
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/** At most 5 viewers, 3 from one address, unless said otherwise. */
export function openStripedStream(options: Partial<LiveStreamOptions> = {}): LiveStream {
  const network = { hostAddresses: [] };
  return createLiveStream({
    source: stripes,
    ffmpeg,
    network,
    limits: { viewers: 5, viewersPerAddress: 3 },
    ...options,
  });
}
