import assert from "node:assert/strict";
import { badMs, createLineQuality, goodMs, type LineReport, type Quality } from "./line_quality.ts";
import { randomOf } from "../../tests/seeded.ts";

const goodLine = { fractionLost: 0, estimatedBitrate: null, sentBitrate: 1_000_000 };
const lossy = { ...goodLine, fractionLost: 0.2 };

/** One report a second from `fromS` on; the second in which each change was seen. */
function watch(judge: (report: LineReport) => Quality, from: number, lines: readonly Omit<LineReport, "timeMs">[]) {
  return lines.map((line, k) => judge({ timeMs: (from + k) * 1000, ...line }));
}

function times<Item>(count: number, item: Item): Item[] {
  return Array.from({ length: count }, () => item);
}

Deno.test("createLineQuality() gives up a line after two bad seconds, and tries it again after fifteen good ones", () => {
  const judge = createLineQuality();
  assert.deepEqual(watch(judge, 0, times(3, lossy)), ["high", "high", "low"]);
  const seen = watch(judge, 3, times(16, goodLine));
  assert.deepEqual(seen, [...times(15, "low"), "high"]);
});

Deno.test("createLineQuality() stays high at 5 % loss and at a single bad report", () => {
  const judge = createLineQuality();
  const lines = Array.from({ length: 60 }, (_, k) => k % 2 === 0 ? { ...goodLine, fractionLost: 0.05 } : lossy);
  assert.deepEqual(new Set(watch(judge, 0, lines)), new Set(["high"]));
});

Deno.test("createLineQuality() believes the receiver's estimate only where packets get lost", () => {
  const judge = createLineQuality();
  const narrow = { ...goodLine, estimatedBitrate: 900_000 };
  assert.equal(watch(judge, 0, times(60, narrow)).at(-1), "high");
  assert.equal(watch(judge, 60, times(3, { ...narrow, fractionLost: 0.05 })).at(-1), "low");
  assert.equal(watch(judge, 63, times(16, narrow)).at(-1), "high");
});

Deno.test("createLineQuality() waits twice as long after each attempt that failed, and no longer than four minutes", () => {
  const judge = createLineQuality();
  const waits: number[] = [];
  let second = 0;
  for (let attempt = 0; attempt < 7; attempt++) {
    while (judge({ timeMs: second++ * 1000, ...lossy }) === "high");
    const lowSince = second;
    while (judge({ timeMs: second++ * 1000, ...goodLine }) === "low");
    waits.push(second - lowSince - 1);
  }
  assert.deepEqual(waits, [15, 30, 60, 120, 240, 240, 240]);
});

Deno.test("createLineQuality() forgets failed attempts after a minute at the high quality", () => {
  const judge = createLineQuality();
  const seen = watch(judge, 0, [
    ...times(3, lossy),
    ...times(16, goodLine),
    ...times(60, goodLine),
    ...times(3, lossy),
  ]);
  assert.equal(seen.at(-1), "low");
  assert.equal(watch(judge, 82, times(16, goodLine)).at(-1), "high");
});

Deno.test("createLineQuality() draws nothing from the time between reports that are far apart", () => {
  const judge = createLineQuality();
  const seen = Array.from({ length: 20 }, (_, k) => judge({ timeMs: k * 6000, ...lossy }));
  assert.deepEqual(new Set(seen), new Set(["high"]));
});

Deno.test("createLineQuality() never changes faster than stated, whatever is reported", () => {
  let changes = 0;
  for (let seed = 0; seed < 300; seed++) {
    const random = randomOf(seed);
    const judge = createLineQuality();
    let timeMs = 0;
    let quality: Quality = "high";
    let changedMs = 0;
    for (let report = 0; report < 400; report++) {
      timeMs += random() * (random() < 0.02 ? 20_000 : 1500);
      const fractionLost = random() < 0.5 ? 0 : random() * 0.6;
      const estimatedBitrate = random() < 0.5 ? null : random() * 4e6;
      const mood = Math.sin(timeMs / 40_000) > 0;
      const next = judge({
        timeMs,
        ...(mood ? lossy : { fractionLost: fractionLost ** 8, estimatedBitrate, sentBitrate: 1e5 }),
      });
      if (next === quality) continue;
      assert.ok(timeMs - changedMs >= (next === "low" ? badMs : goodMs), `seed ${seed} at ${timeMs}`);
      [quality, changedMs] = [next, timeMs];
      changes++;
    }
  }
  assert.ok(changes > 600, `${changes} changes were seen`);
});
