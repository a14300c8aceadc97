/** What the OBS page shows of what it knows. */
import assert from "node:assert/strict";
import type { SessionView } from "../src/session/mod.ts";
import { readEmbedOptions } from "../static/embed_options.js";
import { sceneFor } from "../static/embed_scene.js";
import { planVideo } from "../static/plan.js";

type Facts = Parameters<typeof sceneFor>[0];

const frames = planVideo(10, "inverted").frames;
const nothingMade = [{ start: 0, end: frames, state: "planned" }];
const someMade = [{ start: 0, end: 217, state: "planned" }, { start: 217, end: frames, state: "final" }];
const progress = { section: 1, of: 8, step: 9, steps: 25, phase: "sampling", percent: 4 };
const file = { seconds: 9.63, frames: 289, sizeBytes: 3_400_000, firstFrameIndex: 0 };

function session(changes: Partial<Record<keyof SessionView, unknown>> = {}) {
  return {
    id: "k3f9x2",
    state: "running",
    settings: { prompt: "The boat\n sails.", schedule: "inverted" },
    plan: { ...planVideo(10, "inverted"), widthPx: 768, heightPx: 512 },
    frameMap: nothingMade,
    progress,
    timings: { secondsPerStep: 1.2, secondsPerDecode: 1 },
    video: null,
    ...changes,
  } as unknown as SessionView;
}

const completed = session({ state: "completed", frameMap: someMade, video: file });

function scene(query: string, changes: Partial<Facts>) {
  const facts: Facts = {
    kind: "session",
    address: "there",
    view: null,
    pictured: null,
    live: "nothing",
    line: "up",
    file: "none",
    ...changes,
  };
  return sceneFor(facts, readEmbedOptions(query));
}

/** Picture and words of a scene in one line. */
function said(query: string, changes: Partial<Facts>): string {
  const { picture, slate, note } = scene(query, changes);
  return [picture, slate?.title, note].filter(Boolean).join(", ");
}

Deno.test("sceneFor() says why a session has no picture", () => {
  assert.equal(said("", {}), "none, Connecting");
  assert.equal(said("", { address: "missing" }), "none, No picture");
  assert.equal(said("", { line: "impossible" }), "none, No picture");
  const queuedAt = (place: number, running: number) =>
    scene("", {
      view: session({ state: "queued", queue: { place, waiting: 2, running, expectedStartSeconds: 180 } }),
    }).slate;
  assert.equal(queuedAt(2, 1)?.title, "Waiting for its turn");
  assert.equal(queuedAt(2, 1)?.line, "2 videos are ahead. Starts in about 3 min.");
  assert.equal(queuedAt(2, 2)?.line, "3 videos are ahead. Starts in about 3 min.");
  assert.equal(queuedAt(1, 0)?.line, "Starts in about 3 min.");
  assert.equal(said("", { view: session({ progress: { ...progress, phase: "loading" } }) }), "none, Connecting");
  const { slate } = scene("", { view: session(), live: "slate" });
  assert.deepEqual(slate, {
    title: "Making the video",
    line: "Section 1 of 8, step 9 of 25. First pictures in about 20 s.",
    fraction: 9 / 25,
  });
  assert.equal(said("", { view: session({ frameMap: someMade }) }), "none, Connecting");
  assert.equal(said("", { view: session({ frameMap: someMade }), live: "slate" }), "none, Making the video");
  assert.equal(
    said("", { view: session({ frameMap: someMade }), live: "gap" }),
    "live",
    "the picture tells the progress",
  );
  for (const slate of ["note", "none"]) {
    assert.equal(said(`?slate=${slate}`, { view: session(), live: "gap" }), "none, Making the video");
  }
  assert.equal(said("", { view: session({ state: "failed" }), live: "slate" }), "none, No picture");
});

Deno.test("sceneFor() shows nothing over a picture that is up to date, but its label", () => {
  const view = session();
  for (const live of ["frames", "last"] as const) {
    assert.deepEqual(scene("", { view, pictured: view, live }), {
      picture: live === "frames" ? "live" : "last",
      slate: null,
      note: null,
      label: null,
    });
  }
  assert.equal(scene("?label=prompt", { view, pictured: view, live: "frames" }).label, "The boat sails.");
  assert.equal(scene("?label=on+air", { view, pictured: view, live: "frames" }).label, "on air");
  assert.equal(scene("?label=on+air", { view, live: "slate" }).label, null);
});

Deno.test("sceneFor() keeps the last frame of an interrupted connection, with a note and then a slate over it", () => {
  assert.equal(said("", { live: "frames", line: "interrupted" }), "live, Reconnecting");
  assert.equal(said("", { live: "last", line: "interrupted" }), "last, Reconnecting");
  assert.equal(said("", { live: "frames", line: "gone" }), "live, Connecting");
  assert.equal(said("", { view: session(), live: "slate", line: "interrupted" }), "none, Connecting");
});

Deno.test("sceneFor() ends a session as the options say, and shows what is kept", () => {
  const over: Partial<Facts> = { view: completed, pictured: completed, live: "frames" };
  assert.equal(said("", over), "live", "until the file has a picture");
  assert.equal(said("", { ...over, file: "playing" }), "file");
  assert.equal(said("?end=hold", { ...over, file: "playing" }), "file");
  assert.equal(said("?end=none", over), "none");
  assert.equal(said("?end=slate", over), "none, The video is finished");
  const unrecorded = session({ state: "failed", frameMap: someMade });
  assert.equal(said("", { view: unrecorded, pictured: unrecorded, live: "frames" }), "live");
  const lost = session({ state: "stopped" });
  assert.equal(said("", { view: lost, pictured: lost, live: "frames" }), "none, No picture", "a preview is not kept");
});

Deno.test("sceneFor() waits on a channel between its videos, unless the options want nothing", () => {
  const channel = { kind: "channel" as const };
  assert.equal(said("", channel), "none, Connecting");
  assert.equal(said("", { ...channel, live: "slate" }), "none, Waiting for the next video");
  assert.equal(said("", { ...channel, live: "slate", view: completed }), "none, Waiting for the next video");
  assert.equal(said("", { ...channel, live: "slate", view: session() }), "none, Making the video");
  assert.equal(said("?end=none", { ...channel, live: "slate", view: completed }), "none");
  assert.equal(said("?end=none", { ...channel, live: "slate", view: session() }), "none, Making the video");
});

Deno.test("sceneFor() plays an ended video of a channel to its end, or ends it at once", () => {
  const over: Partial<Facts> = { kind: "channel", view: completed, pictured: completed, live: "frames" };
  assert.equal(said("", over), "live");
  assert.equal(said("?end=loop", over), "live");
  assert.equal(said("?end=slate", over), "none, Waiting for the next video");
  assert.equal(said("?end=none", over), "none");
  const next = session({ id: "second" });
  assert.equal(said("", { ...over, view: next }), "live", "until the next one has a picture");
  assert.equal(
    scene("?label=prompt", { ...over, view: session({ id: "b", settings: { prompt: "B" } }) }).label,
    "The boat sails.",
  );
  assert.equal(said("?end=slate", { ...over, view: next, pictured: next }), "live");
});

Deno.test("sceneFor() never shows a picture of something that is not there", () => {
  const views = [null, session(), session({ state: "queued" }), completed, session({ state: "failed" })];
  const lines = ["up", "interrupted", "gone", "impossible"] as const;
  for (const kind of ["session", "channel"] as const) {
    for (const view of views) {
      for (const live of ["nothing", "slate"] as const) {
        for (const line of lines) {
          for (const end of ["loop", "hold", "slate", "none"]) {
            const { picture, label, slate } = scene(`?end=${end}&label=x`, { kind, view, pictured: view, live, line });
            assert.equal(picture, "none");
            assert.equal(label, null);
            assert.ok(slate !== null || end === "none", `${kind} ${view?.state} ${live} ${line} ${end}: says why`);
          }
        }
      }
    }
  }
});
