import assert from "node:assert/strict";
import type { GenerationEvent } from "../engine/mod.ts";
import type { PreviewClip, VideoPlan } from "../video.ts";
import { endedMap } from "./frame_map.ts";
import {
  advance,
  endFacts,
  type GenerationFacts,
  initialFacts,
  timingsOf,
  unfinishedSection,
  waitingSeconds,
} from "./generation_facts.ts";

const plan: VideoPlan = {
  format: { widthPx: 2, heightPx: 2, frameRate: 30 },
  frames: 73,
  sections: [{ start: 40, end: 73 }, { start: 0, end: 40 }],
};
const frames = (start: number, end: number, state: "provisional" | "final"): GenerationEvent => ({
  kind: "frames",
  section: 1,
  batch: { firstFrameIndex: start, pixels: new Uint8Array((end - start) * 12), state },
});
const preview: PreviewClip = {
  range: { start: 40, end: 73 },
  section: 1,
  step: 1,
  of: 4,
  widthPx: 1,
  heightPx: 1,
  pictures: 2,
  pixels: new Uint8Array(6),
};
const step = (section: number, number: number, seconds = 2, skipped = false): GenerationEvent => ({
  kind: "step",
  section,
  step: number,
  of: 4,
  skipped,
  seconds,
});

/** Begins at second 100, each event at its own second. */
function after(...events: readonly (readonly [number, GenerationEvent])[]): GenerationFacts {
  let facts: GenerationFacts = { ...initialFacts(plan, 4), startedAtMs: 100_000 };
  for (const [second, event] of events) facts = advance(facts, event, second * 1000);
  return facts;
}

Deno.test("percent is (done sections + step / steps) / sections, rounded down, never 100 before the file", () => {
  const percent = (...events: GenerationEvent[]) =>
    after(...events.map((event) => [101, event] as const)).progress.percent;
  assert.equal(percent({ kind: "sampling", section: 1 }), 0);
  assert.equal(percent({ kind: "sampling", section: 1 }, step(1, 1)), 12);
  assert.equal(percent({ kind: "sampling", section: 1 }, step(1, 3)), 37);
  assert.equal(percent({ kind: "sampling", section: 1 }, step(1, 4), { kind: "decoding", section: 1 }), 50);
  const done: GenerationEvent = { kind: "sectionDone", section: 1, samplingSeconds: 8, decodingSeconds: 2 };
  assert.equal(percent({ kind: "sampling", section: 1 }, step(1, 4), done), 50);
  assert.equal(percent({ kind: "sampling", section: 1 }, done, { kind: "sampling", section: 2 }), 50);
  assert.equal(percent({ kind: "sampling", section: 1 }, done, { kind: "sampling", section: 2 }, step(2, 4)), 99);
});

Deno.test("percent is 100 in the end only for the whole video", () => {
  const facts = after([101, { kind: "sampling", section: 1 }], [102, step(1, 2)]);
  const map = endedMap(facts.frameMap, { start: 0, end: 73 });
  assert.equal(endFacts(facts, map, "whole", 103_000).progress.percent, 100);
  assert.equal(endFacts(facts, map, "part", 103_000).progress.percent, 25);
});

Deno.test("the remaining time is unknown, then a guess from steps, then measured from whole sections", () => {
  const sampling: GenerationEvent = { kind: "sampling", section: 1 };
  const nothing = timingsOf(after([100, sampling]), null, 101_000);
  assert.equal(nothing.remainingSeconds, null);
  assert.ok(nothing.remainingIsGuess);

  const guess = timingsOf(after([100, sampling], [102, step(1, 1)]), null, 102_000);
  assert.equal(guess.remainingSeconds, 2 * 4 * 2 - 2); // decoding is not known yet
  assert.ok(guess.remainingIsGuess);

  const earlier = { secondsPerStep: 1, secondsPerDecode: 3 };
  assert.equal(timingsOf(after([100, sampling]), earlier, 100_000).remainingSeconds, 2 * (4 + 3));
  assert.equal(
    timingsOf(after([100, sampling], [102, step(1, 1)]), earlier, 102_000).remainingSeconds,
    2 * (8 + 3) - 2,
  );

  const measured = timingsOf(
    after(
      [100, sampling],
      [109, { kind: "sectionDone", section: 1, samplingSeconds: 8, decodingSeconds: 1 }],
      [109, { kind: "sampling", section: 2 }],
    ),
    earlier,
    112_000,
  );
  assert.equal(measured.remainingSeconds, 9 - 3);
  assert.ok(!measured.remainingIsGuess);
  assert.equal(measured.secondsPerDecode, 1);
});

Deno.test("skipped steps do not count for the seconds per step", () => {
  const facts = after([101, { kind: "sampling", section: 1 }], [103, step(1, 1, 2)], [103, step(1, 2, 0.1, true)]);
  assert.equal(timingsOf(facts, null, 104_000).secondsPerStep, 2);
});

Deno.test("the frame map follows the engine: sampling, decoding, then what was decoded; previews leave it alone", () => {
  const facts = after(
    [101, { kind: "sampling", section: 1 }],
    [102, { kind: "preview", clip: preview }],
    [103, { kind: "decoding", section: 1 }],
    [104, frames(40, 73, "provisional")],
    [105, { kind: "sampling", section: 2 }],
  );
  assert.deepEqual(facts.frameMap, [
    { start: 0, end: 40, state: "sampling" },
    { start: 40, end: 73, state: "provisional" },
  ]);
  assert.equal(timingsOf(facts, null, 106_000).firstFramesSeconds, 4);
  assert.deepEqual(advance(facts, frames(0, 73, "final"), 0).frameMap, [{ start: 0, end: 73, state: "final" }]);
});

Deno.test("loading is a phase with a sentence that goes away", () => {
  const loading = after([101, { kind: "loading", part: "transformer", done: 2, of: 5 }]);
  assert.equal(loading.progress.phase, "loading");
  assert.equal(loading.progress.loading, "transformer, 2 of 5");
  const sampling = advance(loading, { kind: "sampling", section: 1 }, 102_000);
  assert.equal(sampling.progress.loading, undefined);
});

Deno.test("a section the plan does not have is an error", () => {
  assert.throws(() => after([101, { kind: "sampling", section: 3 }]), /section 3 of 2/);
});

Deno.test("the real-time factor is that of the newest section", () => {
  const done = (section: number, samplingSeconds: number): GenerationEvent => (
    { kind: "sectionDone", section, samplingSeconds, decodingSeconds: 1 }
  );
  const factor = (...events: GenerationEvent[]) =>
    timingsOf(after(...events.map((event) => [101, event] as const)), null, 102_000).realTimeFactor;
  assert.equal(factor(), null);
  assert.equal(factor(done(1, 10)), 0.1); // 33 frames in 11 s
  assert.equal(factor(done(1, 10), done(2, 1)), 0.667); // 40 frames in 2 s
  assert.equal(factor({ ...done(1, 0), decodingSeconds: 0 } as GenerationEvent), null);
});

/** Two sections of four steps, the first decoded beside the second: 8 s of sampling, 3 s of decoding. */
const planned: GenerationEvent = { kind: "plan", plan, promptTokens: 3, promptTokensCut: 0, decode: "overlapped" };
const done = (section: number): GenerationEvent => (
  { kind: "sectionDone", section, samplingSeconds: 8, decodingSeconds: 3 }
);
const overlapped: readonly (readonly [number, GenerationEvent])[] = [
  [100, planned],
  [100, { kind: "sampling", section: 1 }],
  ...[1, 2, 3, 4].map((number) => [100 + 2 * number, step(1, number)] as const),
  [108, { kind: "decoding", section: 1 }],
  [108, { kind: "sampling", section: 2 }],
  [110, step(2, 1)],
  [111, frames(40, 73, "provisional")],
  [111, done(1)],
  ...[2, 3, 4].map((number) => [108 + 2 * number, step(2, number)] as const),
  [116, { kind: "decoding", section: 2 }],
  [119, frames(0, 73, "final")],
  [119, done(2)],
];

Deno.test("a section that is decoded beside the next one: percent and remaining time go one way", () => {
  const earlier = { secondsPerStep: 2, secondsPerDecode: 3 };
  let [percent, remaining] = [0, Infinity];
  for (let events = 2; events <= overlapped.length; events++) {
    const facts = after(...overlapped.slice(0, events));
    const second = overlapped[events - 1]![0];
    const { remainingSeconds } = timingsOf(facts, earlier, second * 1000);
    assert.equal(remainingSeconds, 119 - second, `after event ${events}`);
    assert.ok(facts.progress.percent >= percent && remainingSeconds! <= remaining, `after event ${events}`);
    [percent, remaining] = [facts.progress.percent, remainingSeconds!];
  }
  assert.equal(percent, 99);
});

Deno.test("a session that waits takes as long as the sections that it lacks", () => {
  const earlier = { secondsPerStep: 2, secondsPerDecode: 3 };
  assert.equal(waitingSeconds(initialFacts(plan, 4), earlier, "overlapped"), 8 + 3 + 8);
  assert.equal(waitingSeconds(initialFacts(plan, 4), earlier, "between"), 8 + 3 + 8 + 3);
  const done: GenerationEvent = { kind: "sectionDone", section: 1, samplingSeconds: 8, decodingSeconds: 3 };
  assert.equal(
    waitingSeconds(after([100, { kind: "sampling", section: 1 }], [111, done]), earlier, "overlapped"),
    8 + 3,
  );
});

Deno.test("a section that is decoded beside the next one: both are in work, and the progress is of the one that is sampled", () => {
  const facts = after(...overlapped.slice(0, 9));
  assert.deepEqual(facts.frameMap, [
    { start: 0, end: 40, state: "sampling" },
    { start: 40, end: 73, state: "decoding" },
  ]);
  assert.deepEqual([facts.progress.section, facts.progress.step, facts.progress.percent], [2, 1, 62]);
  const decoded = after(...overlapped.slice(0, 11));
  assert.deepEqual(decoded.frameMap[1], { start: 40, end: 73, state: "provisional" });
  assert.deepEqual([decoded.progress.section, decoded.progress.step, decoded.progress.percent], [2, 1, 62]);
  assert.equal(decoded.progress.phase, "sampling");
});

Deno.test("what ends while two sections are in work ends in the earlier one, of which nothing is there", () => {
  const facts = after(...overlapped.slice(0, 9));
  assert.equal(unfinishedSection(facts), 1);
  const { progress } = endFacts(facts, endedMap(facts.frameMap, null), "part", 111_000);
  assert.deepEqual([progress.section, progress.step, progress.percent], [1, 4, 62]);
  assert.equal(unfinishedSection(after(...overlapped.slice(0, 11))), 2);
  assert.equal(unfinishedSection(after(...overlapped)), 2);
  assert.equal(unfinishedSection(after()), 0);
});

Deno.test("the real-time factor does not count decoding that is hidden behind the sampling", () => {
  const facts = after(...overlapped);
  assert.equal(timingsOf(facts, null, 119_000).realTimeFactor, 0.167); // 40 frames in 8 s
});
