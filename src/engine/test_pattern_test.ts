import assert from "node:assert/strict";
import { readBlockCode } from "../../tests/block_code.js";
import type { FrameBatch } from "../video.ts";
import type { GenerationEvent, GenerationRequest } from "./mod.ts";
import { createTestPatternEngine } from "./test_pattern.ts";

const schedules = ["inverted", "forward"] as const;
const sizes = [[96, 96], [128, 128], [768, 512]] as const;

function requestOf(
  schedule: "inverted" | "forward",
  [widthPx, heightPx]: readonly [number, number] = sizes[0],
): GenerationRequest {
  return {
    image: { widthPx: 1, heightPx: 1, pixels: new Uint8Array(3) },
    modelDir: "",
    settings: {
      prompt: "two words",
      negativePrompt: "",
      durationSeconds: 4,
      seed: 1,
      steps: 2,
      guidance: 10,
      cfg: 1,
      cfgRescale: 0,
      schedule,
      teaCacheThreshold: 0,
      previews: false,
      widthPx,
      heightPx,
    },
  };
}

async function eventsOf(request: GenerationRequest): Promise<GenerationEvent[]> {
  await using engine = createTestPatternEngine();
  return await Array.fromAsync(engine.generate(request, new AbortController().signal));
}

function codesOf({ pixels, firstFrameIndex, state }: FrameBatch, [width, height]: readonly [number, number]) {
  const frameBytes = width * height * 3;
  return Array.from({ length: pixels.length / frameBytes }, (_, k) => ({
    code: readBlockCode({ width, height, data: pixels.subarray(k * frameBytes, (k + 1) * frameBytes) }),
    expected: { frame: firstFrameIndex + k, state },
  }));
}

for (const schedule of schedules) {
  for (const size of sizes) {
    Deno.test(`createTestPatternEngine() draws frame number, state and section, ${schedule} ${size.join("x")}`, async () => {
      const events = await eventsOf(requestOf(schedule, size));
      for (const event of events) {
        if (event.kind !== "frames") continue;
        for (const { code, expected } of codesOf(event.batch, size)) {
          assert.deepEqual(code, { ...expected, section: event.section });
        }
      }
    });
  }

  Deno.test(`createTestPatternEngine() makes every frame final once, and provisional at most once before, ${schedule}`, async () => {
    const events = await eventsOf(requestOf(schedule));
    const [plan] = events.flatMap((event) => event.kind === "plan" ? [event.plan] : []);
    const made = Array.from({ length: plan!.frames }, () => [] as string[]);
    for (const event of events) {
      if (event.kind !== "frames") continue;
      for (const { expected } of codesOf(event.batch, sizes[0])) made[expected.frame]!.push(expected.state);
    }
    assert.ok(made.every((states) => ["final", "provisional,final"].includes(states.join())));
    assert.equal(made.filter((states) => states.length === 2).length, 33 * (plan!.sections.length - 1));
  });

  Deno.test(`createTestPatternEngine() tells plan, steps and sections in order, ${schedule}`, async () => {
    const kinds = (await eventsOf(requestOf(schedule))).map(({ kind }) => kind);
    const section = /sampling,step,step,decoding,(frames,)+sectionDone/.source;
    assert.match(kinds.join(), new RegExp(`^plan(,${section}){3}$`));
  });
}

Deno.test("createTestPatternEngine() ends with the signal's reason", async () => {
  await using engine = createTestPatternEngine({ secondsPerStep: 3600 });
  const stop = new AbortController();
  const reason = new Error("enough");
  const made = Array.fromAsync(engine.generate(requestOf("inverted"), stop.signal));
  stop.abort(reason);
  await assert.rejects(made, reason);
});

Deno.test("readBlockCode() reads no code from bars without one, or from one that is damaged", async () => {
  const events = await eventsOf(requestOf("forward"));
  const batch = events.flatMap((event) => event.kind === "frames" ? [event.batch] : [])[0]!;
  const [width, height] = sizes[0];
  const data = batch.pixels.slice(0, width * height * 3);
  assert.ok(readBlockCode({ width, height, data }));
  data.fill(0, width * height * 3 - width * 12 * 3);
  assert.equal(readBlockCode({ width, height, data }), null);
  assert.equal(readBlockCode({ width, height, data: new Uint8Array(data.length) }), null);
  assert.equal(readBlockCode({ width, height, data: new Uint8Array(data.length).fill(255) }), null);
});
