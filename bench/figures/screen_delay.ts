/**
 * How old a frame is when it comes on screen: from the moment the playout gives it to the encoder to the moment Chromium
 * shows it. The live stream runs in this process, without a model, so that both moments can be seen.
 * @module
 */
import { createTestPatternEngine } from "../../src/engine/test_pattern.ts";
import { findFfmpeg } from "../../src/ffmpeg.ts";
import {
  createLiveStream,
  createVideoSource,
  type FrameStore,
  type LiveStream,
  openFrameStore,
  type PlayoutSegment,
  VideoFootage,
} from "../../src/stream/mod.ts";
import { frameAt } from "../../tests/test_pattern_stream.ts";
import { type BrowserViewer, launchViewerBrowser } from "../browser_viewer.ts";
import { exampleRequest } from "../embedded_model.ts";
import { type Figure, type Measurement, median, percentile } from "../figure.ts";

export const screenDelay: Figure = { name: "screen-delay", what: "frame written → frame on screen", measure };

const sizes = [96, 512] as const;
const durationSeconds = 10;

async function* measure(): AsyncGenerator<Measurement> {
  await using browser = await launchViewerBrowser();
  for (const sizePx of sizes) {
    await using stream = await startStream(sizePx);
    const viewer = await browser.open(stream.address);
    await viewer.join("/whep");
    await stream.generate();
    const delays = await delaysOf(stream, viewer);
    const detail = { frames: delays.length, mostMs: Math.max(...delays) };
    const figure = `frame written → on screen in Chromium, ${sizePx} × ${sizePx}, p50`;
    yield { figure, value: median(delays), unit: "ms", aim: { atMost: 50 }, detail };
    yield { figure: "… p95", value: percentile(delays, 0.95), unit: "ms", aim: { atMost: 100 }, detail };
  }
}

interface Stream extends AsyncDisposable {
  readonly address: string;
  /** When each frame was read to be encoded, in milliseconds since 1970; the video begins again at its end. */
  readonly writtenMs: ReadonlyMap<number, readonly number[]>;
  /** Every segment told so far. */
  readonly segments: readonly PlayoutSegment[];
  generate(): Promise<void>;
}

async function startStream(sizePx: number): Promise<Stream> {
  const { image, modelDir, settings } = await exampleRequest(durationSeconds);
  const request = { image, modelDir, settings: { ...settings, widthPx: sizePx, heightPx: sizePx } };
  const events = createTestPatternEngine().generate(request, new AbortController().signal)[Symbol.asyncIterator]();
  const first = (await events.next()).value;
  if (first?.kind !== "plan") throw new Error("The engine must tell its plan first");
  const { plan } = first;
  const folder = await Deno.makeTempDir({ prefix: "framecast-bench-" });
  const store = await openFrameStore(`${folder}/frames.rgb`, plan);
  const placeholder = { widthPx: sizePx, heightPx: sizePx, pixels: new Uint8Array(sizePx * sizePx * 3).fill(128) };
  const writtenMs = new Map<number, number[]>();
  const footage = new VideoFootage({ store: watched(store, writtenMs), placeholder });
  const live = createLiveStream({
    source: (choice) => createVideoSource("bench", footage, choice),
    ffmpeg: await findFfmpeg(),
    network: { hostAddresses: ["127.0.0.1"] },
    limits: { viewers: 10, viewersPerAddress: 10 },
  });
  const segments: PlayoutSegment[] = [];
  void (async () => {
    for await (const segment of live.playout()) segments.push(segment);
  })();
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, (request) => whep(request, live));
  return {
    address: `http://127.0.0.1:${server.addr.port}`,
    writtenMs,
    segments,
    async generate() {
      for (let next = await events.next(); !next.done; next = await events.next()) {
        if (next.value.kind !== "frames") continue;
        const { firstFrameIndex: start, pixels } = next.value.batch;
        await store.write(next.value.batch);
        footage.arrived({ start, end: start + pixels.length / placeholder.pixels.length });
      }
    },
    async [Symbol.asyncDispose]() {
      await live[Symbol.asyncDispose]();
      await server.shutdown();
      await store[Symbol.asyncDispose]();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

/** The live picture reads a frame from the store in the tick in which it writes it to the encoder. */
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

async function whep(request: Request, live: LiveStream): Promise<Response> {
  if (request.method !== "POST") return new Response("{}", { headers: { "content-type": "application/json" } });
  const { viewerId, answerSdp } = await live.answer(await request.text(), {
    choice: { view: "edge", wait: "hold", previews: "hidden" },
  });
  return new Response(answerSdp, {
    status: 201,
    headers: { "content-type": "application/sdp", location: `/whep/${viewerId}` },
  });
}

/** Waits until the video has been shown once, and gives the delay of every frame that came on screen. */
async function delaysOf({ segments, writtenMs }: Stream, viewer: BrowserViewer): Promise<number[]> {
  await new Promise((resolve) => setTimeout(resolve, (durationSeconds + 1) * 1000));
  const firstShownMs = new Map<number, number>();
  for (const { rtpTimestamp, atMs } of await viewer.shown()) {
    const frame = frameAt(segments, rtpTimestamp);
    if (frame !== undefined && !firstShownMs.has(frame)) firstShownMs.set(frame, atMs);
  }
  await viewer.leave();
  return [...firstShownMs].flatMap(([frame, atMs]) => {
    const written = writtenMs.get(frame)?.findLast((ms) => ms <= atMs);
    return written === undefined ? [] : [atMs - written];
  });
}
