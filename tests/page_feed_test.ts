/** How the pages read a session's events. */
import assert from "node:assert/strict";
import { retryDelaySeconds } from "../static/backoff.js";
import { readEvents } from "../static/event_stream.js";
import { codecOf, playoutsOf } from "../static/live_picture.js";
import { emptyState, foldEvent } from "../static/session_feed.js";

async function eventsOf(...pieces: string[]) {
  const body = ReadableStream.from(pieces.map((piece) => new TextEncoder().encode(piece)));
  return await Array.fromAsync(readEvents(body));
}

Deno.test("readEvents() joins events that arrive in pieces, and tells those of one piece together", async () => {
  const read = await eventsOf(
    'id: 1\nevent: state\ndata: {"a":1}\n\nid: 2\nevent: pro',
    'gress\ndata: {"b":\ndata: 2}\n\n',
    ": still here\n\nretry: 1000\n\n",
  );
  assert.deepEqual(read, [
    [{ id: "1", event: "state", data: { a: 1 } }],
    [{ id: "2", event: "progress", data: { b: 2 } }],
    [],
  ]);
});

Deno.test("readEvents() takes CR LF, and half an event at the end for nothing", async () => {
  assert.deepEqual(await eventsOf("event: x\r\ndata: 1\r\n\r\n", "data: 2\n"), [[{ id: "", event: "x", data: 1 }], []]);
});

function progressOf(section: number, remainingSeconds: number | null, remainingIsGuess = false) {
  return { progress: { section }, timings: { remainingSeconds, remainingIsGuess } };
}

Deno.test("foldEvent() replaces the parts of the view that an event tells, and nothing else", () => {
  const view = { id: "a", frameMap: [1], ...progressOf(0, null) };
  const started = foldEvent(emptyState, "state", view);
  const moved = foldEvent(started, "progress", progressOf(1, 10));
  const mapped = foldEvent(moved, "frameMap", { frameMap: [2] });
  assert.deepEqual(mapped.view, { ...view, ...progressOf(1, 10), frameMap: [2] });
  assert.equal(started.view, view);
  assert.equal(foldEvent(mapped, "of a later version", {}), mapped);
});

Deno.test("foldEvent() says slower when the remaining time grows by more than a quarter within a section", () => {
  let state = foldEvent(emptyState, "state", progressOf(1, 100));
  const speeds = [[1, 90], [1, 112], [1, 116], [1, 100], [2, 130], [2, 129]].map(([section, remaining]) => {
    state = foldEvent(state, "progress", progressOf(section!, remaining!));
    return state.speed;
  });
  assert.deepEqual(speeds, ["steady", "steady", "slower", "steady", "steady", "steady"]);
});

Deno.test("foldEvent() keeps the newest playout events", () => {
  let state = emptyState;
  for (let start = 0; start < 500; start++) state = foldEvent(state, "playout", { view: "edge", codec: "vp8", start });
  assert.equal(state.playouts.length, 128);
  assert.equal(playoutsOf(state.playouts, "edge", "vp8").at(-1)?.start, 499);
  assert.deepEqual(playoutsOf(state.playouts, "arrival", "vp8"), []);
});

Deno.test("codecOf() reads the codec the answer settled on", () => {
  const answer = (payload: string) =>
    `v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF ${payload}\r\na=rtpmap:96 VP8/90000\r\na=rtpmap:102 H264/90000\r\n`;
  assert.equal(codecOf(answer("96")), "vp8");
  assert.equal(codecOf(answer("102")), "h264");
  assert.equal(codecOf("v=0\r\n"), null);
});

Deno.test("retryDelaySeconds() doubles up to eight seconds", () => {
  assert.deepEqual([1, 2, 3, 4, 5, 6, 60].map(retryDelaySeconds), [0.5, 1, 2, 4, 8, 8, 8]);
});
