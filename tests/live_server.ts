/**
 * The fixture's server on a socket, for clients that are programs of their own. A test says when a section may be made;
 * what the pictures show is told by the session's `playout` events and stands in the pictures, too.
 * @module
 */
import assert from "node:assert/strict";
import { createGatedEngine, type GatedEngine } from "./gated_engine.ts";
import { type ServerOptions, startServer, type TestServer } from "./server_fixture.ts";
import type { SessionEvent, SessionView } from "../src/session/mod.ts";
import { frameOfRun } from "../src/stream/playout.ts";

export interface LiveServer extends AsyncDisposable {
  /** Origin, without a slash at its end. */
  readonly url: string;
  readonly server: TestServer;
  readonly engine: GatedEngine;
  /** A session whose first sections exist; it goes on when the engine admits more. */
  sessionWith(sections: number, settings?: Record<string, string>): Promise<LiveSession>;
}

export interface LiveSession {
  readonly id: string;
  readonly links: SessionView["links"];
  readonly plan: SessionView["plan"];
  /** Every playout event so far. */
  readonly segments: readonly PlayoutData[];
}

/** @property atMs when it was told, on the clock of `performance.now()`: at the tick it begins at */
export type PlayoutData = Extract<SessionEvent, { event: "playout" }>["data"] & { readonly atMs: number };

/** Besides the server's own pages it has those of the tests under `/test/`. */
export async function startLiveServer(options: Omit<ServerOptions, "engine"> = {}): Promise<LiveServer> {
  const engine = createGatedEngine();
  const server = await startServer({ ...options, engine });
  const leave = new AbortController();
  const http = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    return testFile(new URL(request.url).pathname) ?? server.request(request.url, request);
  });
  return {
    url: `http://127.0.0.1:${http.addr.port}`,
    server,
    engine,
    async sessionWith(sections, settings = {}) {
      const { id, links, plan } = await server.start({ durationSeconds: "5", ...settings });
      engine.admit(sections);
      if (sections >= plan.sections.length) await server.ended(id);
      else await server.event(id, ({ event, data }) => event === "progress" && data.progress.section > sections);
      const segments: PlayoutData[] = [];
      void collect(server.sessions.events(id, 0, leave.signal), segments);
      return { id, links, plan, segments };
    },
    async [Symbol.asyncDispose]() {
      leave.abort();
      await server[Symbol.asyncDispose]();
      await http.shutdown();
    },
  };
}

async function collect(events: AsyncIterable<SessionEvent>, segments: PlayoutData[]): Promise<void> {
  for await (const { event, data } of events) {
    if (event === "playout") segments.push({ ...data, atMs: performance.now() });
  }
}

function testFile(pathname: string): Promise<Response> | undefined {
  const [, name, extension] = /^\/test\/(whep_page|block_code)\.(html|js)$/.exec(pathname) ?? [];
  if (!name) return undefined;
  const headers = { "content-type": extension === "js" ? "text/javascript" : "text/html" };
  const url = new URL(`${name}.${extension}`, import.meta.url);
  return Deno.readTextFile(url).then((text) => new Response(text, { headers }));
}

/** A picture that a client decoded. */
export interface DecodedPicture {
  readonly rtpTimestamp: number;
  readonly code: { readonly frame: number } | null;
}

/**
 * The pictures are the ones that the playout told: first those of the first view, then, if the client chose another, those
 * of that one. A viewer that is moved to another encoder first gets that one's pictures of times that are over; they come
 * between two ticks of the grid, and are not on the screen for long enough to be seen.
 */
export function assertExact(
  pictures: readonly DecodedPicture[],
  segments: readonly PlayoutData[],
  views: readonly string[],
): void {
  // 3000 of the 90 kHz clock are one tick, and a server that is held up leaves ticks out.
  const onGrid = pictures.filter((picture) => ((picture.rtpTimestamp - pictures[0]!.rtpTimestamp) >>> 0) % 3000 === 0);
  assert.ok(onGrid.length >= pictures.length - 10, `${onGrid.length} of ${pictures.length} pictures are on the grid`);
  let view = 0;
  onGrid.forEach(({ rtpTimestamp, code }, index) => {
    const before = onGrid[index - 1];
    assert.ok(!before || ((rtpTimestamp - before.rtpTimestamp) | 0) > 0, `${rtpTimestamp} comes too late`);
    assert.ok(code, `the picture of ${rtpTimestamp} has no code`);
    const isTold = () => frameTold(segments, views[view]!, rtpTimestamp) === code.frame;
    if (!isTold() && view + 1 < views.length) view++;
    assert.equal(code.frame, frameTold(segments, views[view]!, rtpTimestamp), `at ${rtpTimestamp} in ${views[view]}`);
  });
  assert.equal(view, views.length - 1, "every view was seen");
}

/** The frame that was told for a picture of this time, of one view; undefined where none was. */
export function frameTold(segments: readonly PlayoutData[], view: string, rtpTimestamp: number): number | undefined {
  // RTP timestamps wrap around at 2³², so later means: less than half a turn ahead.
  const isPast = (segment: PlayoutData) => ((rtpTimestamp - segment.rtpTimestamp) | 0) >= 0;
  const segment = segments.findLast((segment) => segment.view === view && isPast(segment));
  if (segment?.shows !== "frames") return undefined;
  return frameOfRun(segment, ((rtpTimestamp - segment.rtpTimestamp) >>> 0) / 3000);
}
