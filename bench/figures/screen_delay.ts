/**
 * How old a frame is when it comes on screen: from the moment the playout gives it to the encoder to the moment Chromium
 * shows it. The live stream runs in this process, without a model, so that both moments can be seen.
 * @module
 */
import type { FrameStore } from "../../src/stream/mod.ts";
import { frameAt, startTestStream, type TestStream } from "../../tests/test_pattern_stream.ts";
import { type BrowserViewer, launchViewerBrowser } from "../browser_viewer.ts";
import { type Figure, type Measurement, median, percentile } from "../figure.ts";

export const screenDelay: Figure = { name: "screen-delay", what: "frame written → frame on screen", measure };

const sizes = [96, 512] as const;
const durationSeconds = 10;

async function* measure(): AsyncGenerator<Measurement> {
  await using browser = await launchViewerBrowser();
  for (const sizePx of sizes) {
    const readMs = new Map<number, number[]>();
    await using stream = await startTestStream({
      schedule: "forward",
      durationSeconds,
      widthPx: sizePx,
      heightPx: sizePx,
      readFrom: (store) => watched(store, readMs),
    });
    const viewer = await browser.open(new URL(stream.url).origin);
    await viewer.join("/whep?view=edge");
    await stream.generate();
    const delays = await delaysOf(stream, readMs, viewer);
    const detail = { frames: delays.length, mostMs: Math.max(...delays) };
    const figure = `frame written → on screen in Chromium, ${sizePx} × ${sizePx}, p50`;
    yield { figure, value: median(delays), unit: "ms", aim: { atMost: 50 }, detail };
    yield { figure: "… p95", value: percentile(delays, 0.95), unit: "ms", aim: { atMost: 100 }, detail };
  }
}

/**
 * Notes when each frame was read, in milliseconds since 1970; the video begins again at its end. The live picture reads a
 * frame from the store in which it writes it to the encoder.
 */
function watched(store: FrameStore, readMs: Map<number, number[]>): FrameStore {
  return new Proxy(store, {
    get(target, name) {
      if (name !== "read") {
        const value = Reflect.get(target, name, target);
        return typeof value === "function" ? value.bind(target) : value;
      }
      return async (...args: Parameters<FrameStore["read"]>) => {
        const pixels = await target.read(...args);
        const [{ start }] = args;
        readMs.set(start, [...readMs.get(start) ?? [], performance.timeOrigin + performance.now()]);
        return pixels;
      };
    },
  });
}

/** Waits until the video has been shown once, and gives the delay of every frame that came on screen. */
async function delaysOf(
  { segments }: TestStream,
  readMs: ReadonlyMap<number, readonly number[]>,
  viewer: BrowserViewer,
): Promise<number[]> {
  await new Promise((resolve) => setTimeout(resolve, (durationSeconds + 1) * 1000));
  const firstShownMs = new Map<number, number>();
  for (const { rtpTimestamp, atMs } of await viewer.shown()) {
    const frame = frameAt(segments, rtpTimestamp);
    if (frame !== undefined && !firstShownMs.has(frame)) firstShownMs.set(frame, atMs);
  }
  await viewer.leave();
  return [...firstShownMs].flatMap(([frame, atMs]) => {
    const written = readMs.get(frame)?.findLast((ms) => ms <= atMs);
    return written === undefined ? [] : [atMs - written];
  });
}
