/** How the pages read a session's events. */
import assert from "node:assert/strict";
import { retryDelaySeconds, spread } from "../static/backoff.js";
import { readEvents } from "../static/event_stream.js";
import { iceServersIn } from "../static/ice_servers.js";
import { lineFacts, sampleOf } from "../static/line_stats.js";
import { codecOf } from "../static/live_picture.js";
import { emptyState, foldEvent, isBehind } from "../static/session_feed.js";

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

Deno.test("isBehind() goes by what is made, for a session that lost its engine waits again", () => {
  const at = (state: string, section: number, step: number, phase = "sampling") => ({
    state,
    progress: { section, step, phase },
  });
  const lived = [
    at("queued", 0, 0, "waiting"),
    at("running", 1, 3),
    at("running", 1, 6, "decoding"),
    at("running", 2, 1),
    at("running", 2, 5),
    at("queued", 2, 6, "waiting"),
    at("running", 3, 2),
    at("completed", 3, 6),
  ];
  for (const [now, known] of lived.entries()) {
    assert.deepEqual(lived.filter((view) => isBehind(view, known)), lived.slice(0, now));
  }
});

Deno.test("foldEvent() keeps the newest playout events", () => {
  let state = emptyState;
  for (let start = 0; start < 500; start++) state = foldEvent(state, "playout", { view: "edge", start });
  assert.deepEqual(state.playouts.map(({ start }) => start), Array.from({ length: 128 }, (_, index) => 372 + index));
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

Deno.test("spread() takes or adds up to a fifth", () => {
  assert.deepEqual([0, 0.5, 1].map((chance) => spread(5, chance)), [4, 5, 6]);
});

Deno.test("iceServersIn() reads what WHEP writes into Link, and nothing else", () => {
  const header = '<https://a.example/next>; rel="next", <stun:stun.example:3478>; rel="ice-server", ' +
    '<turn:turn.example?transport=udp>; rel="ice-server"; username="a,b"; credential="c\\"d"; credential-type="password"' +
    ",<turns:turn.example:443>;rel=ice-server;username=u;credential=p";
  assert.deepEqual(iceServersIn(header), [
    { urls: "stun:stun.example:3478" },
    { urls: "turn:turn.example?transport=udp", username: "a,b", credential: 'c"d' },
    { urls: "turns:turn.example:443", username: "u", credential: "p" },
  ]);
  assert.deepEqual(iceServersIn(null), []);
  assert.deepEqual(iceServersIn("nonsense; <<>"), []);
});

/** A browser's report with these numbers, one second after the one before for each `second`. */
function reportOf(second: number, video: Record<string, unknown>) {
  return new Map<string, Record<string, unknown>>([
    ["T", { id: "T", type: "transport", selectedCandidatePairId: "P2" }],
    ["P1", { id: "P1", type: "candidate-pair", nominated: true, state: "succeeded", currentRoundTripTime: 1 }],
    ["P2", { id: "P2", type: "candidate-pair", nominated: true, state: "succeeded", currentRoundTripTime: 0.0042 }],
    ["C", { id: "C", type: "codec", mimeType: "video/VP8" }],
    ["V", { id: "V", type: "inbound-rtp", kind: "video", codecId: "C", timestamp: 1000 * second, ...video }],
  ]);
}

Deno.test("lineFacts() tells the last second, and the loss of all", () => {
  const view = { timings: { realTimeFactor: 0.021 }, viewers: 3 };
  const still = { frameWidth: 768, frameHeight: 512, packetsLost: 1 };
  const first = sampleOf(reportOf(5, { ...still, bytesReceived: 1000, packetsReceived: 50, framesDecoded: 10 }))!;
  const second = sampleOf(reportOf(6, {
    ...still,
    bytesReceived: 151_000,
    packetsReceived: 99,
    framesDecoded: 40,
    qpSum: 900,
    jitterBufferDelay: 1.8,
    jitterBufferEmittedCount: 30,
  }))!;
  const facts = (before: typeof first | null, now: typeof first) => Object.fromEntries(lineFacts(before, now, view));
  assert.deepEqual(facts(first, second), {
    "Frames per second": "30",
    "Resolution": "768 × 512",
    "Codec": "VP8",
    "Bitrate": "1.2 Mbit/s",
    "Quality": "QP 30 of 127",
    "Round trip": "4 ms",
    "Lost packets": "1.0%",
    "Held back": "60 ms",
    "Made": "0.02 × playing speed",
    "Viewers": "3",
  });
  for (const before of [null, second]) {
    const said = facts(before, first); // the first look, or the first one at another connection
    assert.deepEqual([said["Bitrate"], said["Frames per second"], said["Codec"]], [
      "not yet known",
      "not yet known",
      "VP8",
    ]);
  }
  assert.equal(sampleOf(new Map()), null);
});
