/**
 * A live stream of the test pattern behind a small WHEP server: what the tests with real clients share.
 * @module
 */
import { createTestPatternEngine, type TestPatternOptions } from "../src/engine/test_pattern.ts";
import type { GenerationRequest } from "../src/engine/mod.ts";
import { type Ffmpeg, findFfmpeg } from "../src/ffmpeg.ts";
import {
  createLiveStream,
  createVideoSource,
  defaultWaits,
  frameOfRun,
  type FrameStore,
  type LiveStream,
  OfferError,
  openFrameStore,
  type PlayoutSegment,
  VideoFootage,
  type View,
} from "../src/stream/mod.ts";
import type { VideoPlan } from "../src/video.ts";

export interface TestStreamOptions extends TestPatternOptions {
  readonly schedule: "inverted" | "forward";
  readonly durationSeconds: number;
  readonly widthPx: number;
  readonly heightPx: number;
  readonly steps?: number;
  /** Answers all offers with this codec only. */
  readonly codec?: "vp8" | "h264";
  readonly ffmpegPath?: string;
  /** What the live picture reads from, given what the frames are written to. */
  readonly readFrom?: (store: FrameStore) => FrameStore;
}

export interface TestStream extends AsyncDisposable {
  readonly url: string;
  readonly live: LiveStream;
  readonly store: FrameStore;
  readonly plan: VideoPlan;
  /** Every segment told so far. */
  readonly segments: readonly PlayoutSegment[];
  /** Every ffmpeg started so far, in that order. */
  readonly encoders: readonly StartedProcess[];
  /** Makes the video. Resolves when its last frame is in the store. */
  generate(): Promise<void>;
}

export interface StartedProcess {
  readonly state: "running" | "ended";
  readonly ended: Promise<unknown>;
  /** SIGKILL, as from outside: whoever works with it is not told. */
  kill(): void;
}

/** Nothing is generated until `generate()` is called. */
export async function startTestStream(options: TestStreamOptions): Promise<TestStream> {
  const { widthPx, heightPx, codec, readFrom = (store) => store } = options;
  const engine = createTestPatternEngine(options);
  const events = engine.generate(requestOf(options), new AbortController().signal)[Symbol.asyncIterator]();
  const first = (await events.next()).value;
  if (first?.kind !== "plan") throw new Error("The engine must tell its plan first");
  const { plan } = first;
  const directory = await Deno.makeTempDir({ prefix: "framecast-test-" });
  const store = await openFrameStore(`${directory}/frames.rgb`, plan);
  const placeholder = { widthPx, heightPx, pixels: new Uint8Array(widthPx * heightPx * 3).fill(128) };
  const footage = new VideoFootage({ store: readFrom(store), placeholder });
  const encoders: StartedProcess[] = [];
  const live = createLiveStream({
    source: (choice) => createVideoSource("test", footage, choice),
    ffmpeg: watched(await findFfmpeg({ configured: options.ffmpegPath }), encoders),
    network: { hostAddresses: [] },
    limits: { viewers: 20, viewersPerAddress: 20 },
  });
  const segments: PlayoutSegment[] = [];
  void (async () => {
    for await (const segment of live.playout()) segments.push(segment);
  })();
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => {} },
    (request) => whep(request, live, codec),
  );
  return {
    url: `http://127.0.0.1:${server.addr.port}/`,
    live,
    store,
    plan,
    segments,
    encoders,
    async generate() {
      for (let next = await events.next(); !next.done; next = await events.next()) {
        if (next.value.kind !== "frames") continue;
        const { firstFrameIndex: start, pixels } = next.value.batch;
        await store.write(next.value.batch);
        footage.arrived({ start, end: start + pixels.length / placeholder.pixels.length });
      }
      footage.end({ start: 0, end: plan.frames });
    },
    async [Symbol.asyncDispose]() {
      await server.shutdown();
      await live[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
      await Deno.remove(directory, { recursive: true });
    },
  };
}

/** The same ffmpeg, with a list of what it started. */
function watched(ffmpeg: Ffmpeg, started: StartedProcess[]): Ffmpeg {
  return {
    ...ffmpeg,
    start(args) {
      const process = ffmpeg.start(args);
      let state: "running" | "ended" = "running";
      const ended = process.status.then(() => state = "ended");
      started.push({
        get state() {
          return state;
        },
        ended,
        kill: () => void process[Symbol.asyncDispose](),
      });
      return process;
    },
  };
}

function requestOf({ widthPx, heightPx, durationSeconds, schedule, steps = 1 }: TestStreamOptions): GenerationRequest {
  return {
    image: { widthPx: 1, heightPx: 1, pixels: new Uint8Array(3) },
    modelDir: "",
    settings: {
      prompt: "bars",
      promptChanges: [],
      negativePrompt: "",
      durationSeconds,
      seed: 3,
      steps,
      guidance: 10,
      cfg: 1,
      cfgRescale: 0,
      schedule,
      windowLatentFrames: 9,
      teaCacheThreshold: 0,
      previews: false,
      widthPx,
      heightPx,
    },
  };
}

async function whep(request: Request, live: LiveStream, codec: "vp8" | "h264" | undefined): Promise<Response> {
  const { pathname, searchParams } = new URL(request.url);
  if (request.method === "POST" && pathname === "/whep") {
    const view = (searchParams.get("view") ?? "arrival") as View;
    const wanted = (searchParams.get("codec") ?? codec) as "vp8" | "h264" | undefined;
    try {
      const choice = { view, wait: defaultWaits[view], previews: "hidden" } as const;
      const options = wanted ? { choice, codec: wanted } : { choice };
      const { viewerId, answerSdp } = await live.answer(await request.text(), options);
      const headers = { "content-type": "application/sdp", location: `/whep/${viewerId}` };
      return new Response(answerSdp, { status: 201, headers });
    } catch (error) {
      if (!(error instanceof OfferError)) throw error;
      return new Response(error.message, { status: error.reason === "noCommonCodec" ? 406 : 400 });
    }
  }
  if (request.method === "DELETE" && pathname.startsWith("/whep/")) {
    return new Response(null, { status: live.removeViewer(pathname.slice(6)) ? 200 : 404 });
  }
  const file = { "/": "whep_page.html", "/block_code.js": "block_code.js" }[pathname];
  if (!file) return new Response("Not found", { status: 404 });
  const type = file.endsWith(".js") ? "text/javascript" : "text/html";
  return new Response(await Deno.readTextFile(new URL(file, import.meta.url)), { headers: { "content-type": type } });
}

/** The frame that the segments told say is on screen at a timestamp; undefined where they tell of none. */
export function frameAt(segments: readonly PlayoutSegment[], rtpTimestamp: number): number | undefined {
  const since = (segment: PlayoutSegment) => (rtpTimestamp - segment.rtpTimestamp) | 0; // over the wrap at 2³²
  const segment = segments.findLast((segment) => since(segment) >= 0);
  return segment?.shows === "frames" ? frameOfRun(segment, since(segment) / 3000) : undefined;
}
