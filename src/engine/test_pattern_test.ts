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
      promptChanges: [],
      negativePrompt: "",
      durationSeconds: 4,
      seed: 1,
      steps: 2,
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
    const section = /sampling,step,step,decoding,resumePoint,(frames,)+sectionDone/.source;
    assert.match(kinds.join(), new RegExp(`^plan(,${section}){3}$`));
  });
}

Deno.test("createTestPatternEngine() tells the same in the order of overlapped decoding", async () => {
  for (const schedule of schedules) {
    const [between, overlapped] = await Promise.all((["between", "overlapped"] as const).map(async (decode) => {
      await using engine = createTestPatternEngine({ decode });
      return await Array.fromAsync(engine.generate(requestOf(schedule), new AbortController().signal));
    })) as [GenerationEvent[], GenerationEvent[]];
    const isDecoded = ({ kind }: GenerationEvent) => kind === "frames" || kind === "sectionDone";
    assert.deepEqual(overlapped.filter(isDecoded), between.filter(isDecoded));
    const sampled = (events: GenerationEvent[]) => events.filter((event) => !isDecoded(event)).slice(1);
    assert.deepEqual(sampled(overlapped), sampled(between));
    const kinds = overlapped.map(({ kind }) => kind).join();
    assert.match(kinds, /^plan,sampling,step,step,decoding,resumePoint,sampling,/);
    assert.match(kinds, /,decoding,resumePoint,(frames,)+sectionDone$/);
  }
});

Deno.test("createTestPatternEngine() draws section, step and picture into previews, after each step but the last", async () => {
  for (const schedule of schedules) {
    for (const size of sizes) {
      const request = requestOf(schedule, size);
      const events = await eventsOf({ ...request, settings: { ...request.settings, previews: true, steps: 3 } });
      const kinds = events.map(({ kind }) => kind).filter((kind) => kind !== "frames").join();
      assert.match(kinds, /^plan(,sampling,step,preview,step,preview,step,decoding,resumePoint,sectionDone){3}$/);
      for (const [at, event] of events.entries()) {
        if (event.kind !== "preview") continue;
        const { section, step, of, range, pictures, pixels, widthPx: width, heightPx: height } = event.clip;
        const before = events[at - 1]!;
        assert.deepEqual({ section, step, of }, before.kind === "step" && pickCounted(before));
        assert.equal(range.end - range.start, 4 * pictures - 3);
        assert.equal(pixels.length, pictures * width * height * 3);
        for (let picture = 0; picture < pictures; picture++) {
          const data = pixels.subarray(picture * width * height * 3, (picture + 1) * width * height * 3);
          const { frame: _both, ...code } = readBlockCode({ width, height, data })!;
          assert.deepEqual(code, { state: "preview", section, step, picture });
        }
      }
    }
  }
});

const pickCounted = ({ section, step, of }: Extract<GenerationEvent, { kind: "step" }>) => ({ section, step, of });

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
