import assert from "node:assert/strict";
import type { PreviewClip } from "../video.ts";
import { host } from "./host.ts";
import type { Engine, GenerationEvent, GenerationRequest } from "./mod.ts";
import { encodeMessage, type EngineOrder, type EngineReport, type Message, readMessages } from "./wire.ts";

const clip = (step: number): PreviewClip => ({
  range: { start: 0, end: 37 },
  section: 1,
  step,
  of: 5,
  widthPx: 2,
  heightPx: 1,
  pictures: 10,
  pixels: new Uint8Array(60).fill(step),
});
const preview = (step: number): GenerationEvent => ({ kind: "preview", clip: clip(step) });
const step = (step: number): GenerationEvent => ({ kind: "step", section: 1, step, of: 5, skipped: false, seconds: 1 });
const frames: GenerationEvent = {
  kind: "frames",
  section: 1,
  batch: { firstFrameIndex: 4, state: "final", pixels: Uint8Array.of(7, 8, 9) },
};

function engineOf(generate: () => AsyncGenerator<GenerationEvent>): Engine {
  return { generate, async *warm() {}, async [Symbol.asyncDispose]() {} };
}

const order: EngineOrder = {
  kind: "generate",
  request: { settings: {} as GenerationRequest["settings"], modelDir: "", widthPx: 0, heightPx: 0 },
};

/** What a host that has its order reports, and how often it wrote. Nothing is taken before `reading` is resolved. */
function reportsOf(engine: Engine, reading: Promise<void>) {
  const orders = new ReadableStream({ start: (input) => encodeMessage(order).forEach((part) => input.enqueue(part)) });
  const { promise: firstWrite, resolve: written } = Promise.withResolvers<void>();
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>(
    {
      async transform(chunk, output) {
        told.writes++;
        written();
        await reading;
        output.enqueue(chunk);
      },
    },
    undefined,
    { highWaterMark: 1 },
  );
  const told = { reports: readMessages<EngineReport>(readable), firstWrite, writes: 0 };
  host(engine, orders, writable);
  return told;
}

async function untilDone(reports: AsyncGenerator<Message<EngineReport>>): Promise<Message<EngineReport>[]> {
  const read: Message<EngineReport>[] = [];
  for await (const report of reports) {
    read.push(report);
    if (report.head.kind !== "event") break;
  }
  return read;
}

function nameOf({ head }: Message<EngineReport>): string {
  if (head.kind !== "event") return head.kind;
  if (head.event.kind === "step") return `step ${head.event.step}`;
  return head.event.kind === "preview" ? `preview ${head.event.clip.step}` : head.event.kind;
}

Deno.test("host() never makes the sampling wait for a reader: of previews that wait only the newest is sent", async () => {
  const begun = Promise.withResolvers<void>();
  const sampled = Promise.withResolvers<void>();
  const reading = Promise.withResolvers<void>();
  let isDecoded = false;
  const { reports, firstWrite } = reportsOf(
    engineOf(async function* () {
      yield* [step(1), preview(1)];
      await begun.promise;
      for (const n of [2, 3, 4]) yield* [step(n), preview(n)];
      yield step(5);
      sampled.resolve();
      yield frames;
      isDecoded = true;
    }),
    reading.promise,
  );
  await firstWrite;
  begun.resolve();
  await sampled.promise; // and the reader has still taken nothing
  assert.ok(!isDecoded, "frames wait for it");
  reading.resolve();
  assert.deepEqual((await untilDone(reports)).map(nameOf), [
    ...["step 1", "preview 1"],
    ...["step 2", "step 3", "step 4", "preview 4", "step 5"],
    ...["frames", "done"],
  ]);
});

Deno.test("host() sends every preview to a reader that keeps up, pixels as they are", async () => {
  const taken = Promise.withResolvers<void>();
  const told = reportsOf(
    engineOf(async function* () {
      yield* [step(1), preview(1)];
      await taken.promise;
      yield* [step(2), preview(2), frames];
    }),
    Promise.resolve(),
  );
  const { reports } = told;
  const first = [(await reports.next()).value!, (await reports.next()).value!];
  assert.equal(told.writes, 1, "a step and its preview leave together");
  taken.resolve();
  const read = [...first, ...await untilDone(reports)];
  assert.deepEqual(read.map(nameOf), ["step 1", "preview 1", "step 2", "preview 2", "frames", "done"]);
  const { pixels, ...rest } = clip(2);
  assert.deepEqual(read[3]!.head, { kind: "event", event: { kind: "preview", clip: rest } });
  assert.deepEqual(read[3]!.body, pixels);
  assert.deepEqual(read[4]!.body, Uint8Array.of(7, 8, 9));
});
