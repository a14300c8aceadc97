/** Sentences of the pages, and the hand-written lists that have to agree with the server. */
import assert from "node:assert/strict";
import { openApiDocument } from "../src/routes/openapi.ts";
import { problemKinds, sessionEvent, type SessionView } from "../src/session/mod.ts";
import { sampleEvents, sampleFrameMap } from "../static/docs_samples.js";
import { engineInWords } from "../static/engine_words.js";
import { callsOf, settingsOf } from "../static/open_api.js";
import { planVideo } from "../static/plan.js";
import { problemCauses } from "../static/problem_causes.js";
import * as measures from "../static/measures.js";
import { announcement, loadingSlate, sessionPill, sessionStatus, troubleOf } from "../static/session_words.js";
import { watchLine } from "../static/watch_words.js";
import * as words from "../static/words.js";

type Setting = { name: string; values: string };
type Changes = Partial<Record<keyof SessionView, unknown>>;

function sessionView(changes: Changes = {}): SessionView {
  const plan = { ...planVideo(10, "inverted"), widthPx: 768, heightPx: 512 };
  return {
    state: "running",
    settings: { prompt: "The boat sails.", schedule: "inverted" },
    plan,
    frameMap: [
      { start: 0, end: 148, state: "planned" },
      { start: 148, end: 184, state: "sampling" },
      { start: 184, end: 217, state: "provisional" },
      { start: 217, end: 289, state: "final" },
    ],
    progress: { section: 4, of: 8, step: 5, steps: 25, phase: "sampling", percent: 40 },
    timings: {
      elapsedSeconds: 100,
      remainingSeconds: 151,
      remainingIsGuess: false,
      firstFramesSeconds: 31,
      secondsPerStep: 1.2,
      secondsPerDecode: 1,
      sections: [],
    },
    video: null,
    ...changes,
  } as unknown as SessionView;
}

const nothingMade = [{ start: 0, end: 289, state: "planned" }];

Deno.test("duration() says hours and minutes, minutes and seconds, or seconds", () => {
  const said = [0, 2.1, 59.2, 60, 151, 3599.5, 4320, 7200].map(measures.duration);
  assert.deepEqual(said, ["0 s", "3 s", "1 min", "1 min", "2 min 31 s", "1 h", "1 h 12 min", "2 h"]);
});

Deno.test("aboutDuration() has no more figures than a guess deserves", () => {
  const said = [0.2, 3.4, 22, 275, 362, 4321].map(measures.aboutDuration);
  assert.deepEqual(said, [
    "about 1 s",
    "about 3 s",
    "about 20 s",
    "about 4 min 35 s",
    "about 6 min",
    "about 1 h 12 min",
  ]);
});

Deno.test("numbers have their unit", () => {
  assert.equal(measures.exactSeconds(289 / 30), "9.63 s");
  assert.equal(measures.shortSeconds(3.5), "3.5 s");
  assert.equal(measures.shortSeconds(24), "24 s");
  assert.equal(measures.fileSize(3_400_000), "3.4 MB");
  assert.equal(measures.fileSize(5200), "5 kB");
  assert.equal(measures.timecode(232, 30), "0:07.22");
  assert.deepEqual([1, 2, 3, 4, 11, 12, 13, 21, 22, 111].map(measures.ordinal), [
    "1st",
    "2nd",
    "3rd",
    "4th",
    "11th",
    "12th",
    "13th",
    "21st",
    "22nd",
    "111th",
  ]);
});

Deno.test("statusFor() says what is done and what is kept, in every state", () => {
  const queue = { place: 2, waiting: 3, running: 1, expectedStartSeconds: 20 };
  assert.deepEqual(words.statusFor(sessionView({ state: "queued", queue, frameMap: nothingMade })), {
    bold: "Waiting: one video is ahead of yours, and one is running",
    plain: "Starts in about 20 s. The picture above is your start picture.",
  });
  const waitingFor = (place: number, running: number) =>
    words.statusFor(sessionView({ state: "queued", queue: { ...queue, place, running }, frameMap: nothingMade })).bold;
  assert.deepEqual([waitingFor(1, 0), waitingFor(1, 1), waitingFor(1, 2), waitingFor(2, 0), waitingFor(3, 2)], [
    "Waiting: yours is next",
    "Waiting: yours is next, one video is running",
    "Waiting: yours is next, 2 videos are running",
    "Waiting: one video is ahead of yours",
    "Waiting: 2 videos are ahead of yours, and 2 are running",
  ]);
  assert.deepEqual(words.statusFor(sessionView()), {
    bold: "Making section 4 of 8, step 5 of 25",
    plain: "The end is made first, so the video fills from right to left. 3.5 s are ready.",
  });
  const video = { frames: 105, seconds: 3.5, sizeBytes: 1e6, firstFrameIndex: 184 };
  assert.deepEqual(words.statusFor(sessionView({ state: "stopped", video })), {
    bold: "Stopped. The last 3.5 s are kept.",
    plain: "You stopped in section 4 of 8, so the video starts at second 6.1 of the plan.",
  });
  assert.equal(words.statusFor(sessionView({ state: "stopped" })).bold, "Stopped. Nothing was finished yet.");
  const detail = "The memory was not enough in section 3. The 2.3 s made so far are kept.";
  assert.deepEqual(words.statusFor(sessionView({ state: "failed", problem: { detail } })), {
    bold: "The memory was not enough in section 3",
    plain: "The 2.3 s made so far are kept.",
  });
});

Deno.test("statusFor() speaks of the trouble before it speaks of the order", () => {
  assert.match(words.statusFor(sessionView(), { speed: "slower", isInterrupted: false }).plain, /^Slower than before/);
  assert.match(
    words.statusFor(sessionView(), { speed: "slower", isInterrupted: true }).plain,
    /^Only the live picture/,
  );
});

Deno.test("sessionPill() says that a preview is a preview, but first that the picture is interrupted", () => {
  const page = { isStopping: false, trouble: null, shows: "preview" };
  assert.equal(sessionPill(sessionView(), page).text, "Preview of step 5");
  assert.equal(sessionPill(sessionView(), { ...page, shows: "frames" }).text, "Live");
  const first = sessionView({ frameMap: nothingMade });
  assert.equal(sessionPill(first, { ...page, shows: "slate" }).text, "Making");
  const trouble = { kind: "picture", seconds: 4 };
  assert.equal(sessionPill(first, { ...page, trouble }).text, "Reconnecting");
});

Deno.test("statusFor() says how fast the start is made against how fast it plays", () => {
  const forward = { ...planVideo(10, "forward"), widthPx: 768, heightPx: 512 };
  const said = [1.24, 0.111, null].map((realTimeFactor) => {
    const timings = { ...sessionView().timings, realTimeFactor };
    return words.statusFor(sessionView({ plan: forward, timings })).plain;
  });
  assert.deepEqual(said, [
    "Made 1.2 times as fast as it plays, so playback does not have to wait.",
    "Made 9.0 times slower than it plays. The last frame stays until more is ready.",
    "It plays as it is made.",
  ]);
});

Deno.test("viewsOffered() has the live edge only where the start is made first", () => {
  const offered = (schedule: string) => words.viewsOffered(sessionView({ settings: { schedule } }));
  assert.deepEqual(offered("inverted"), ["arrival", "growing", "timeline"]);
  assert.deepEqual(offered("forward"), ["edge", "arrival", "growing", "timeline"]);
});

Deno.test("loadingSlate() has a bar when parts are counted", () => {
  const { line, fraction } = loadingSlate({ loading: "transformer, 3 of 4" });
  assert.deepEqual([line, fraction], ["Part 3 of 4. It stays loaded, so the next video starts at once.", 0.75]);
  assert.equal(loadingSlate({ loading: undefined }).fraction, null);
});

Deno.test("troubleOf() puts the server before the picture, and a full house before a silent one", () => {
  const open = { connection: "open", retryAtMs: null };
  const live = { state: "interrupted", retryAtMs: 5000, problem: null };
  assert.deepEqual(troubleOf(open, live, 1000), { kind: "picture", seconds: 4 });
  assert.deepEqual(troubleOf({ connection: "interrupted", retryAtMs: 3000 }, live, 1000), {
    kind: "server",
    seconds: 2,
  });
  assert.deepEqual(troubleOf(open, { ...live, problem: { status: 503 } }, 1000), { kind: "full", seconds: 4 });
  assert.equal(troubleOf(open, { ...live, state: "live" }, 1000), null);
  assert.equal(troubleOf(open, null, 1000), null);
  const { bold, plain } = sessionStatus(sessionView(), {
    isStopping: false,
    trouble: { kind: "full", seconds: 4 },
    speed: "steady",
  });
  assert.deepEqual([bold, plain], [
    "Making section 4 of 8, step 5 of 25",
    "As many people watch as this server can serve. Your video is still being made.",
  ]);
});

Deno.test("remaining() marks a guess and does not invent one", () => {
  assert.equal(words.remaining({ remainingSeconds: null, remainingIsGuess: true }), "not yet known");
  assert.equal(words.remaining({ remainingSeconds: 362, remainingIsGuess: true }), "about 6 min");
  assert.equal(words.remaining({ remainingSeconds: 151, remainingIsGuess: false }), "2 min 31 s");
});

Deno.test("documentTitle() begins with the percentage while the video is made", () => {
  assert.equal(words.documentTitle(sessionView()), "40% · The boat sails. · framecast");
  assert.equal(words.documentTitle(sessionView({ state: "completed" })), "The boat sails. · framecast");
});

Deno.test("watchLine() says how far it is and what is seen", () => {
  assert.deepEqual(watchLine(sessionView(), { viewName: "arrival", trouble: null }), {
    bold: "40% made, 2 min 31 s left",
    plain: "The end is made first. You see the newest part, again and again.",
  });
  const plain = (viewName: string | null) => watchLine(sessionView(), { viewName, trouble: null }).plain;
  assert.equal(plain("growing"), "The end is made first. You see the 3.5 s that exist so far, again and again.");
  assert.equal(plain("timeline"), "The end is made first. Gaps are still being made.");
  assert.equal(plain(null), "The end is made first. You see a finished part.");
});

Deno.test("engineInWords() tells idle, busy, loading and lost apart", () => {
  const health = (state: string, running: number, queued: number) => ({
    engine: { state, model: "emoji", device: "CPU" },
    sessions: { running, queued },
  });
  const said = [["idle", 0, 0], ["running", 1, 2], ["starting", 0, 0], ["lost", 0, 1]].map(
    ([state, running, queued]) => {
      const { prefix, rest } = engineInWords(health(state as string, running as number, queued as number));
      return prefix + rest;
    },
  );
  assert.deepEqual(said, [
    "emoji on CPU, ready",
    "emoji on CPU, 1 running, 2 waiting",
    "Loading emoji",
    "Engine stopped, starting again",
  ]);
});

Deno.test("problemCauses explains every problem of the server, with its status", () => {
  const statuses = (list: Record<string, readonly [number, string]>) =>
    Object.fromEntries(Object.entries(list).map(([kind, [status]]) => [kind, status]));
  assert.deepEqual(statuses(problemCauses as unknown as typeof problemKinds), statuses(problemKinds));
});

Deno.test("the events on the API page are events of the server", () => {
  const samples = sampleEvents.filter(({ data }) => data !== null);
  for (const [index, { event, data }] of samples.entries()) sessionEvent.parse({ id: index + 1, event, data });
  assert.deepEqual(
    sampleEvents.map(({ event }) => event).sort(),
    sessionEvent.options.map(({ shape }) => shape.event.value).sort(),
  );
  assert.ok(sampleFrameMap.every(({ start }, index) => start === (sampleFrameMap[index - 1]?.end ?? 0)));
});

Deno.test("the API page lists every call and every setting of the OpenAPI document", () => {
  const openApi = JSON.parse(JSON.stringify(openApiDocument("0.0.0")));
  const calls = callsOf(openApi);
  for (
    const call of ["POST /api/sessions", "GET /api/sessions/{id}/events", "DELETE /api/sessions/{id}/whep/{viewer}"]
  ) {
    assert.ok(calls.some(({ method, path }) => `${method} ${path}` === call), call);
  }
  assert.ok(calls.every(({ does }) => does.endsWith(".")));
  const settings = new Map(settingsOf(openApi).map((setting: Setting) => [setting.name, setting.values]));
  assert.deepEqual([...settings.keys()].slice(0, 2), ["image", "endImage"]);
  assert.equal(settings.get("image"), "a file");
  assert.equal(settings.get("loras"), "a list of up to 16");
  assert.equal(settings.get("start"), "picture or black or white or green or noise, default picture");
  assert.equal(settings.get("durationSeconds"), "1 to 120, default 5");
  assert.equal(settings.get("schedule"), "inverted or forward");
  assert.ok(settings.has("prompt") && settings.has("seed") && settings.has("resolution"));
});

Deno.test("announcement() says that a section is being decoded while the next one has been started", () => {
  const view = (section: number, finished: number) => ({
    state: "running",
    progress: { section, of: 8, percent: 12 },
    timings: { sections: Array(finished).fill({ samplingSeconds: 1, decodingSeconds: 1 }) },
  });
  assert.equal(announcement(view(0, 0), view(1, 0)), "Section 1 of 8 has started.");
  assert.equal(announcement(view(1, 1), view(2, 1)), "Section 1 is finished. Section 2 of 8 has started.");
  assert.equal(announcement(view(1, 0), view(2, 0)), "Section 1 is being decoded. Section 2 of 8 has started.");
  assert.equal(announcement(view(2, 0), view(2, 1)), "");
});
