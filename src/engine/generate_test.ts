import assert from "node:assert/strict";
import { emojiDir, exampleRequest } from "../../tests/emoji.ts";
import type { GenerationEvent } from "./event.ts";
import { generateVideo, type SectionLatents } from "./generate.ts";
import { type FramePackModel, loadModel } from "./model.ts";
import { openRuntime } from "./onnx/runtime.ts";
import { plainPicture } from "./plain_picture.ts";
import type { EndFrame, ResolvedSettings } from "./request.ts";

const signal = new AbortController().signal;

async function emoji(use: (model: FramePackModel) => Promise<void>): Promise<void> {
  using runtime = openRuntime();
  await using model = await loadModel(emojiDir, runtime, { device: { kind: "cpu" }, idleThreads: "sleep" });
  await use(model);
}

async function eventsOf(model: FramePackModel, settings: Partial<ResolvedSettings>, end?: EndFrame) {
  const request = await exampleRequest({ steps: 1, ...settings });
  return await Array.fromAsync(generateVideo(model, { ...request, ...(end ? { end } : {}) }, signal));
}

const sectionsOf = (events: readonly (GenerationEvent | SectionLatents)[]) =>
  events.filter((event) => event.kind === "latents");
const framesOf = (events: readonly (GenerationEvent | SectionLatents)[]) =>
  events.filter((event) => event.kind === "frames");

Deno.test("generateVideo() has the end picture, weakened, where the frame behind the first section would be", () =>
  emoji(async (model) => {
    const image = plainPicture("noise", { widthPx: 96, heightPx: 96, seed: 5 });
    const latent = await model.vae.encodeImage(image, signal);
    const [bare, led] = [await eventsOf(model, {}), await eventsOf(model, {}, { image, strength: 0.5 })];
    const [first, second] = sectionsOf(led);
    assert.deepEqual(first!.context.clean1x[1], latent.map((value) => value / 2));
    assert.ok(first!.context.clean2x.every((frame) => frame!.every((value) => value === 0)));
    // Behind the 9 latent frames of the first section: 1 at full size, 2 at half, and the seventh at a quarter.
    assert.deepEqual(second!.context.clean4x[6], latent.map((value) => value / 2));
    assert.notDeepEqual(first!.latents, sectionsOf(bare)[0]!.latents);
    const count = (events: Parameters<typeof framesOf>[0]) =>
      framesOf(events).map(({ batch }) => [batch.firstFrameIndex, batch.pixels.length, batch.state]);
    assert.deepEqual(count(led), count(bare), "the video has the same frames, the end picture is none of them");
  }));

Deno.test("generateVideo() makes windows of any size, of which the video is as long as planned", () =>
  emoji(async (model) => {
    for (const schedule of ["inverted", "forward"] as const) {
      const events = await eventsOf(model, { schedule, windowLatentFrames: 4, durationSeconds: 1.6 });
      const [plan] = events.filter((event) => event.kind === "plan");
      assert.equal(plan!.plan.frames, 3 * 16 + 1);
      assert.deepEqual(sectionsOf(events).map(({ latents }) => latents.length), Array(3).fill(16 * 4 * 12 * 12));
      const final = framesOf(events).filter(({ batch }) => batch.state === "final");
      const pixels = final.reduce((sum, { batch }) => sum + batch.pixels.length, 0);
      assert.equal(pixels, 49 * 96 * 96 * 3);
    }
  }));
