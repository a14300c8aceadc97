/** Going on from every section of a video, with the embedded model's real networks at a small size. */
import assert from "node:assert/strict";
import { exampleRequest } from "../../tests/emoji.ts";
import { modelInSight } from "../../tests/model_in_sight.ts";
import { plainPicture } from "./plain_picture.ts";
import type { GenerationEvent } from "./event.ts";
import { generateVideo } from "./generate.ts";
import type { FramePackModel } from "./model.ts";
import type { GenerationRequest } from "./request.ts";

const going = new AbortController().signal;
const small = { widthPx: 32, heightPx: 32, steps: 2, previews: false } as const;

type Event = Exclude<GenerationEvent, { kind: "step" }>;

async function eventsOf(model: FramePackModel, request: GenerationRequest): Promise<Event[]> {
  const events: Event[] = [];
  for await (const event of generateVideo(model, request, going)) {
    if (event.kind !== "latents" && event.kind !== "step") events.push(event);
  }
  return events;
}

const sectionOf = (event: Event) => "section" in event ? event.section : 0;
const framesAfter = (events: readonly Event[], section: number) =>
  events.flatMap((event) => event.kind === "frames" && event.section > section ? [event.batch] : []);

for (const schedule of ["inverted", "forward"] as const) {
  for (const decode of ["between", "overlapped"] as const) {
    Deno.test(`a video gone on with after any of its sections is the same bit for bit (${schedule}, ${decode})`, async () => {
      await using inSight = await modelInSight();
      const model: FramePackModel = { ...inSight.model, decode };
      for (
        const length of [{ windowLatentFrames: 2, durationSeconds: 1 }, { windowLatentFrames: 9, durationSeconds: 3.6 }]
      ) {
        const request = await exampleRequest({ ...small, ...length, schedule });
        const whole = await eventsOf(model, request);
        const points = whole.flatMap((event) => event.kind === "resumePoint" ? [event.point] : []);
        assert.ok(points.length >= 3);
        for (const point of points) {
          const rest = await eventsOf(model, { ...request, resume: point });
          assert.deepEqual(framesAfter(rest, 0), framesAfter(whole, point.section), `after section ${point.section}`);
          assert.ok(rest.every((event) => sectionOf(event) === 0 || sectionOf(event) > point.section));
          const later = rest.flatMap((event) => event.kind === "resumePoint" ? [event.point] : []);
          assert.deepEqual(later, points.slice(point.section));
        }
      }
    });
  }
}

Deno.test("an end picture and true guidance are gone on with as well", async () => {
  await using inSight = await modelInSight();
  const length = { windowLatentFrames: 2, durationSeconds: 0.8, cfg: 2, negativePrompt: "dark" };
  const plain = await exampleRequest({ ...small, ...length });
  const request = {
    ...plain,
    end: { image: plainPicture("green", { widthPx: 32, heightPx: 32, seed: 1 }), strength: 0.5 },
  };
  const whole = await eventsOf(inSight.model, request);
  const [point] = whole.flatMap((event) => event.kind === "resumePoint" ? [event.point] : []);
  const rest = await eventsOf(inSight.model, { ...request, resume: point! });
  assert.deepEqual(framesAfter(rest, 0), framesAfter(whole, 1));
});

Deno.test("a point of another video is refused by its name", async () => {
  await using inSight = await modelInSight();
  const request = await exampleRequest({ ...small, windowLatentFrames: 2, durationSeconds: 0.6 });
  const wrong = [{ section: 1, history: new Uint8Array(100) }, {
    section: 99,
    history: new Uint8Array(16 * 4 * 4 * 4),
  }];
  for (const resume of wrong) {
    await assert.rejects(eventsOf(inSight.model, { ...request, resume }), { name: "RequestError", field: "resume" });
  }
});
