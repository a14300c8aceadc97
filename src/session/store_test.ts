import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { initialFacts, timingsOf } from "./generation_facts.ts";
import { linksOf } from "./links.ts";
import { problem } from "./problem.ts";
import { readMeasurements, SessionStore } from "./store.ts";
import { migrations } from "./store_schema.ts";
import type { SessionView } from "./view.ts";

function view(id: string): SessionView {
  const format = { widthPx: 96, heightPx: 96, frameRate: 30 };
  const sections = [{ start: 0, end: 37 }];
  const facts = initialFacts({ format, frames: 37, sections }, 6);
  const settings = {
    ...{ prompt: "p", negativePrompt: "", durationSeconds: 1, seed: 1, steps: 6, guidance: 10, cfg: 1, cfgRescale: 0 },
    ...{
      schedule: "inverted" as const,
      windowLatentFrames: 9,
      teaCacheThreshold: 0,
      previews: true,
      widthPx: 96,
      heightPx: 96,
      model: "emoji",
      promptChanges: [],
      loras: [],
      start: "picture" as const,
      endStrength: null,
      keepRecipe: true,
    },
  };
  return {
    id,
    state: "queued",
    createdAt: new Date(0).toISOString(),
    settings,
    channel: null,
    plan: { sections, frames: 37, ...format, seconds: 37 / 30 },
    frameMap: [...facts.frameMap],
    progress: facts.progress,
    timings: timingsOf(facts, null, 0),
    prompt: facts.prompt,
    viewers: 0,
    video: null,
    links: linksOf(id, settings),
  };
}

Deno.test("SessionStore gives back what was saved, newest first", () => {
  using store = new SessionStore(":memory:");
  store.add({ view: view("a"), imageType: "image/png" });
  store.add({ view: view("b"), imageType: "image/jpeg" });
  const failed: SessionView = {
    ...view("a"),
    state: "failed",
    problem: problem("engine-lost", "It died", { more: 1 }),
  };
  store.save(failed);
  assert.deepEqual(store.get("a"), { view: failed, imageType: "image/png" });
  assert.deepEqual(store.list().map((session) => session.view.id), ["b", "a"]);
  assert.equal(store.get("c"), null);
});

Deno.test("SessionStore.newestWithVideo() goes by the start of the work, not by the order of asking", () => {
  using store = new SessionStore(":memory:");
  assert.equal(store.newestWithVideo(), null);
  for (
    const [id, startedAt, hasVideo] of [["a", 9, true], ["b", 5, true], ["c", 20, false], ["d", null, false]] as const
  ) {
    const { timings, ...rest } = view(id);
    store.add({
      view: {
        ...rest,
        timings: { ...timings, startedAt: startedAt === null ? null : new Date(startedAt * 1000).toISOString() },
        video: hasVideo ? { frames: 37, seconds: 37 / 30, sizeBytes: 1, firstFrameIndex: 0 } : null,
      },
      imageType: "image/png",
    });
  }
  assert.equal(store.newestWithVideo()?.view.id, "a");
});

Deno.test("SessionStore deletes a session with its events", () => {
  using store = new SessionStore(":memory:");
  store.add({ view: view("a"), imageType: "image/png" });
  store.appendEvent("a", { id: 1, event: "state", data: view("a") });
  store.appendEvent("a", { id: 2, event: "problem", data: problem("internal", "x") });
  assert.deepEqual(store.events("a").map(({ id, event }) => [id, event]), [[1, "state"], [2, "problem"]]);
  assert.throws(() => store.appendEvent("a", { id: 2, event: "state", data: view("a") }), /UNIQUE/);
  store.delete("a");
  assert.deepEqual(store.list(), []);
  assert.deepEqual(store.events("a"), []);
});

Deno.test("SessionStore keeps the newest pace per model, device and size", () => {
  using store = new SessionStore(":memory:");
  const size = { widthPx: 96, heightPx: 96 };
  store.saveMeasurement("emoji", "CPU", { ...size, secondsPerStep: 1, secondsPerDecode: 2 });
  store.saveMeasurement("emoji", "CPU", { ...size, secondsPerStep: 3, secondsPerDecode: 4 });
  store.saveMeasurement("emoji", "H200", { ...size, secondsPerStep: 0.1, secondsPerDecode: 0.2 });
  assert.deepEqual(store.measurements("emoji", "CPU"), [{ ...size, secondsPerStep: 3, secondsPerDecode: 4 }]);
  assert.deepEqual(store.measurements("framepack", "CPU"), []);
});

Deno.test("readMeasurements() tells all of a store that nobody has open, and who has it otherwise", async () => {
  const folder = await mkdtemp(join(tmpdir(), "framecast-store-"));
  const file = join(folder, "sessions.sqlite");
  try {
    const size = { widthPx: 96, heightPx: 96 };
    {
      using store = new SessionStore(file);
      store.saveMeasurement("emoji", "H200", { ...size, secondsPerStep: 0.1, secondsPerDecode: 0.2 });
      store.saveMeasurement("emoji", "CPU", { ...size, secondsPerStep: 1, secondsPerDecode: 2 });
      assert.throws(() => readMeasurements(file), { name: "StoreOpenError", message: /another framecast uses this/ });
    }
    assert.deepEqual(readMeasurements(file), [
      { model: "emoji", device: "CPU", ...size, secondsPerStep: 1, secondsPerDecode: 2 },
      { model: "emoji", device: "H200", ...size, secondsPerStep: 0.1, secondsPerDecode: 0.2 },
    ]);
    assert.throws(() => readMeasurements(join(folder, "none.sqlite")), { name: "StoreOpenError" });
  } finally {
    await rm(folder, { recursive: true });
  }
});

Deno.test("SessionStore keeps a running session's changes on a full disk, and writes them when there is room", async () => {
  const dir = await mkdtemp(join(tmpdir(), "framecast-store-"));
  try {
    const file = join(dir, "sessions.sqlite");
    const large = (id: string): SessionView => ({
      ...view(id),
      settings: { ...view(id).settings, prompt: "x".repeat(4000) },
    });
    const ended: SessionView = { ...large("runs"), state: "completed" };
    {
      using store = new SessionStore(file, { pagesMax: 100 });
      store.add({ view: view("runs"), imageType: "image/png" });
      assert.throws(() => {
        for (let i = 0;; i++) store.add({ view: large(`filler${i}`), imageType: "image/png" });
      }, /full/);
      for (let id = 1; id <= 9; id++) store.appendEvent("runs", { id, event: "state", data: ended });
      store.save(ended);
      assert.deepEqual(store.get("runs")?.view, ended);
      assert.deepEqual(store.events("runs").map(({ id }) => id), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
      for (let i = 0; i < 100; i++) store.delete(`filler${i}`);
      store.save(ended);
    }
    using later = new SessionStore(file);
    assert.deepEqual(later.get("runs")?.view, ended);
    assert.deepEqual(later.events("runs").map(({ id }) => id), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
  } finally {
    await rm(dir, { recursive: true });
  }
});

async function withFile(use: (file: string) => void): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), "framecast-store-"));
  try {
    use(join(dir, "sessions.sqlite"));
  } finally {
    await rm(dir, { recursive: true });
  }
}

/** A file as the first framecast wrote it, with one session and its log. */
function writeFirstVersion(file: string): void {
  const { channel: _channel, settings, timings, links, ...rest } = view("old");
  const {
    previews: _previews,
    windowLatentFrames: _window,
    loras: _loras,
    start: _start,
    endStrength: _end,
    ...oldSettings
  } = settings;
  const { realTimeFactor: _factor, ...oldTimings } = timings;
  const { liveTs: _liveTs, sections: _sections, ...oldLinks } = links;
  const oldView = { ...rest, settings: oldSettings, timings: oldTimings, links: oldLinks };
  using database = new DatabaseSync(file);
  database.exec(migrations[0]!);
  database.prepare("INSERT INTO sessions (id, state, image_type, view) VALUES (?, ?, ?, ?)")
    .run("old", "queued", "image/png", JSON.stringify(oldView));
  const playout = { view: "arrival", codec: "vp8", rtpTimestamp: 3000, start: 0, end: 37, loop: true };
  const events = [
    ["state", oldView],
    ["progress", { progress: rest.progress, timings: oldTimings }],
    ["playout", playout],
  ];
  events.forEach(([event, data], index) =>
    database.prepare("INSERT INTO events (session_id, id, event, data) VALUES (?, ?, ?, ?)")
      .run("old", index + 1, String(event), JSON.stringify(data))
  );
}

Deno.test("SessionStore takes over what the first framecast has written, once", () =>
  withFile((file) => {
    writeFirstVersion(file);
    for (let opened = 0; opened < 2; opened++) {
      using store = new SessionStore(file);
      assert.deepEqual(store.get("old")?.view, view("old"));
      const events = store.events("old");
      assert.deepEqual(events.map(({ id, event }) => [id, event]), [[1, "state"], [2, "progress"], [3, "playout"]]);
      assert.deepEqual(events[0]?.data, view("old"));
      const { rtpTimestamp, ...playout } = events[2]?.data as Record<string, unknown>;
      assert.equal(rtpTimestamp, 3000);
      assert.deepEqual(playout, {
        ...{ video: "old", view: "arrival", wait: "hold", previews: "hidden" },
        ...{ shows: "frames", start: 0, end: 37, rate: 1, loop: true },
      });
      assert.deepEqual(store.channels(), []);
    }
  }));

Deno.test("SessionStore refuses what a newer framecast has written, and changes nothing of it", () =>
  withFile((file) => {
    {
      using database = new DatabaseSync(file);
      database.exec("PRAGMA user_version = 99");
    }
    assert.throws(() => new SessionStore(file), { name: "StoreOpenError", message: /a newer framecast .*version 99/ });
    using database = new DatabaseSync(file);
    assert.deepEqual(database.prepare("SELECT name FROM sqlite_master").all(), []);
  }));

Deno.test("SessionStore knows the channels of its sessions, and the newest video of each", () => {
  using store = new SessionStore(":memory:");
  for (const [number, channel] of ["b", "a", null, "b"].entries()) {
    const { timings, ...rest } = view(`s${number}`);
    const video = { frames: 37, seconds: 37 / 30, sizeBytes: 1, firstFrameIndex: 0 };
    const startedAt = new Date(number * 1000).toISOString();
    store.add({ view: { ...rest, timings: { ...timings, startedAt }, channel, video }, imageType: "image/png" });
  }
  assert.deepEqual(store.channels(), ["a", "b"]);
  const newest = (channel?: string) => store.newestWithVideo(channel)?.view.id;
  assert.deepEqual([newest("a"), newest("b"), newest("c"), newest()], ["s1", "s3", undefined, "s3"]);
});
