/** Decoding beside the sampling of the next section, with the embedded model's real networks at a small size. */
import assert from "node:assert/strict";
import { emojiDir, exampleRequest } from "../../tests/emoji.ts";
import { modelInSight } from "../../tests/model_in_sight.ts";
import type { GenerationEvent } from "./event.ts";
import { generateVideo, type SectionLatents } from "./generate.ts";
import { planFor, readModelSizes, workOf } from "./memory/mod.ts";
import { type FramePackModel, loadModel } from "./model.ts";
import { openRuntime } from "./onnx/runtime.ts";
import type { ResolvedSettings, Schedule } from "./request.ts";
import type { Vae } from "./vae.ts";

type Told = GenerationEvent | SectionLatents;
const going = new AbortController().signal;

/** Of three sections, with one step that has a preview. */
const small: Partial<ResolvedSettings> = {
  windowLatentFrames: 2,
  durationSeconds: 0.8,
  widthPx: 32,
  heightPx: 32,
  steps: 2,
  previews: true,
};

const inSight = await modelInSight();
Deno.test.afterAll(async () => await inSight[Symbol.asyncDispose]());
const { model, memory, runs } = inSight;
const overlapped: FramePackModel = { ...model, decode: "overlapped" };

async function video(model: FramePackModel, schedule: Schedule, signal = going): Promise<AsyncGenerator<Told>> {
  return generateVideo(model, await exampleRequest({ ...small, schedule }), signal);
}

const eventsOf = async (model: FramePackModel, schedule: Schedule) =>
  await Array.fromAsync(await video(model, schedule));

const isDecoded = ({ kind }: Told) => kind === "frames" || kind === "sectionDone";
const nameOf = (event: Told) => {
  if (event.kind === "step") return `step ${event.section}.${event.step}`;
  if (event.kind === "latents") return `latents ${event.section.section}`;
  if (event.kind === "preview") return `preview ${event.clip.section}`;
  if (event.kind === "resumePoint") return `resumePoint ${event.point.section}`;
  return "section" in event ? `${event.kind} ${event.section}` : event.kind;
};

/** Without what is measured. */
const bare = (event: Told): unknown => {
  if (event.kind === "plan") return { ...event, decode: null };
  if (event.kind === "step") return { ...event, seconds: 0 };
  return event.kind === "sectionDone" ? nameOf(event) : event;
};

function assertNothingIsLeft(at = "at the end"): void {
  assert.deepEqual([runs.underWay, memory.held()], [0, []], at);
}

const whole = { inverted: await eventsOf(model, "inverted"), forward: await eventsOf(model, "forward") };

Deno.test("a model decodes as it was planned, and between the sections without a plan", async () => {
  assert.equal(model.decode, "between");
  const card = { totalBytes: 24e9, freeBytes: 24e9 };
  const sizes = await readModelSizes(emojiDir);
  const { settings } = await exampleRequest();
  const { plan } = planFor(workOf(settings, sizes), { card, model: sizes, wishes: {} });
  using runtime = openRuntime();
  await using planned = await loadModel(emojiDir, runtime, { device: { kind: "cpu" }, plan });
  assert.equal(planned.decode, "overlapped");
});

Deno.test("decoded between the sections, each is over before the next one begins", () => {
  const order = whole.forward.map(nameOf).filter((name) => !name.startsWith("frames"));
  const section = (n: number) => [
    ...[`sampling ${n}`, `step ${n}.1`, `preview ${n}`, `step ${n}.2`],
    ...[`decoding ${n}`, `latents ${n}`, `resumePoint ${n}`, `sectionDone ${n}`],
  ];
  assert.deepEqual(order, ["plan", ...section(1), ...section(2), ...section(3)]);
});

for (const schedule of ["inverted", "forward"] as const) {
  Deno.test(`overlapped decoding makes the same video bit for bit, ${schedule}`, async () => {
    const events = await eventsOf(overlapped, schedule);
    for (const part of [isDecoded, (event: Told) => !isDecoded(event)]) {
      assert.deepEqual(events.filter(part).map(bare), whole[schedule].filter(part).map(bare));
    }
    assertNothingIsLeft();
  });

  Deno.test(`a section's frames come after its \`decoding\` and the next \`sampling\`, before the next \`decoding\`, ${schedule}`, async () => {
    const names = (await eventsOf(overlapped, schedule)).map(nameOf);
    const at = (name: string) => names.indexOf(name);
    for (const section of [1, 2, 3]) {
      assert.ok(at(`latents ${section}`) === at(`decoding ${section}`) + 1);
      assert.ok(at(`frames ${section}`) > at(`decoding ${section}`));
      assert.ok(names.lastIndexOf(`frames ${section}`) < at(`sectionDone ${section}`));
      if (section === 3) continue;
      assert.equal(at(`resumePoint ${section}`), at(`latents ${section}`) + 1);
      assert.equal(at(`sampling ${section + 1}`), at(`resumePoint ${section}`) + 1);
      assert.ok(at(`frames ${section}`) > at(`sampling ${section + 1}`));
      assert.ok(at(`sectionDone ${section}`) < at(`decoding ${section + 1}`));
    }
    assert.equal(names.at(-1), "sectionDone 3");
  });
}

/** The model with a decoder that waits at the gate of each section, and goes on with the real one. */
function gated(gates: readonly Promise<unknown>[]): { readonly model: FramePackModel; readonly log: string[] } {
  const log: string[] = [];
  const vae: Pick<Vae, "encodeImage" | "decode"> = {
    encodeImage: (...picture) => model.vae.encodeImage(...picture),
    async decode(latents, size, signal) {
      const section = 1 + log.filter((entry) => entry.startsWith("begun")).length;
      const stopped = Promise.withResolvers<never>();
      const stop = () => stopped.reject(signal.reason);
      signal.addEventListener("abort", stop);
      log.push(`begun ${section}`);
      try {
        await Promise.race([gates[section - 1], stopped.promise]);
        return await model.vae.decode(latents, size, signal);
      } finally {
        signal.removeEventListener("abort", stop);
        log.push(`over ${section}`);
      }
    },
  };
  return { model: { ...overlapped, vae: vae as Vae }, log };
}

Deno.test("a section is sampled to its end while the one before is being decoded, and no second one waits for its decoding", async () => {
  const gate = Promise.withResolvers<void>();
  const { model, log } = gated([gate.promise]);
  const names: string[] = [];
  for await (const event of await video(model, "forward")) {
    names.push(nameOf(event));
    if (nameOf(event) === "step 2.2") {
      assert.deepEqual(log, ["begun 1"]);
      assert.ok(!names.includes("frames 1"));
      gate.resolve();
    }
  }
  assert.ok(names.indexOf("frames 1") > names.indexOf("step 2.2"));
  assert.deepEqual(log, [1, 2, 3].flatMap((section) => [`begun ${section}`, `over ${section}`]));
});

Deno.test("while frames wait for their reader, the sampling comes as far as its next event, and no other decoding begins", async () => {
  const { model, log } = gated([]);
  const stepsBefore = runs.steps;
  let steps = 0;
  for await (const event of await video(model, "inverted")) {
    if (event.kind === "step") steps++;
    if (event.kind !== "frames" && event.kind !== "sectionDone") continue;
    await runs.idle();
    assert.ok(runs.steps - stepsBefore <= steps + 1);
    assert.equal(log.at(-1), `over ${event.section}`);
  }
  assert.equal(runs.steps - stepsBefore, 6);
});

for (const schedule of ["inverted", "forward"] as const) {
  Deno.test(`a stop at any event ends with its reason, leaves nothing under way and loses nothing that was told, ${schedule}`, async () => {
    const reason = new Error("enough");
    const frames = whole[schedule].filter(isDecoded).map(bare);
    for (let events = 1; events < whole[schedule].length; events += 2) {
      const stop = new AbortController();
      const told: Told[] = [];
      const made = (async () => {
        for await (const event of await video(overlapped, schedule, stop.signal)) {
          told.push(event);
          if (told.length === events) stop.abort(reason);
        }
      })();
      const last = nameOf(whole[schedule].at(-1)!);
      await made.then(
        () => assert.equal(nameOf(told.at(-1)!), last, "only what is over is not stopped"),
        (error) => assert.equal(error, reason),
      );
      const decoded = told.filter(isDecoded).map(bare);
      assert.deepEqual(decoded, frames.slice(0, decoded.length));
      assertNothingIsLeft(`stopped at event ${events}`);
    }
  });
}

Deno.test("a reader that leaves at any event leaves nothing under way", async () => {
  for (let events = 1; events < whole.forward.length; events += 3) {
    let read = 0;
    for await (const _ of await video(overlapped, "forward")) if (++read === events) break;
    assertNothingIsLeft(`left at event ${events}`);
  }
});

Deno.test("what stops the decoding stops the sampling, and is thrown", async () => {
  const cause = new Error("no room for a tile");
  const gate = Promise.withResolvers<void>();
  const { model, log } = gated([Promise.resolve(), gate.promise]);
  const told: string[] = [];
  await assert.rejects(async () => {
    for await (const event of await video(model, "forward")) {
      told.push(nameOf(event));
      if (nameOf(event) === "step 3.1") gate.reject(cause);
    }
  }, cause);
  assert.ok(told.includes("sectionDone 1") && !told.includes("frames 2") && !told.includes("decoding 3"));
  assert.equal(log.at(-1), "over 2");
  assertNothingIsLeft();
});

Deno.test("what stops the sampling stops the decoding, and is thrown", async () => {
  const cause = new Error("no room for a step");
  const { model, log } = gated([Promise.resolve(), new Promise(() => {})]);
  const told: string[] = [];
  try {
    await assert.rejects(async () => {
      for await (const event of await video(model, "forward")) {
        told.push(nameOf(event));
        if (nameOf(event) !== "step 3.1") continue;
        runs.before = (inputs) => {
          if ("modulations" in inputs) throw cause;
        };
      }
    }, cause);
  } finally {
    runs.before = () => {};
  }
  assert.ok(told.includes("sectionDone 1") && !told.includes("frames 2"));
  assert.deepEqual(log.slice(-2), ["begun 2", "over 2"]);
  assertNothingIsLeft();
});

Deno.test("frames that are there when the sampling fails are told before the cause is thrown", async () => {
  const cause = new Error("no room for a step");
  const told: Told[] = [];
  try {
    await assert.rejects(async () => {
      for await (const event of await video(overlapped, "inverted")) {
        told.push(event);
        if (event.kind !== "frames" || event.section !== 1) continue;
        runs.before = () => {
          throw cause;
        };
        await runs.idle();
      }
    }, cause);
  } finally {
    runs.before = () => {};
  }
  const ofFirst = whole.inverted.filter((event) => isDecoded(event) && nameOf(event).endsWith(" 1"));
  assert.deepEqual(told.filter(isDecoded).map(bare), ofFirst.map(bare));
  assertNothingIsLeft();
});

Deno.test("seconds of sampling and of decoding are each one's own", async () => {
  const gate = Promise.withResolvers<void>();
  const { model } = gated([gate.promise]);
  const begun = performance.now();
  const seconds: { sampling: number; decoding: number }[] = [];
  for await (const event of await video(model, "forward")) {
    if (nameOf(event) === "step 2.2") gate.resolve();
    if (event.kind !== "sectionDone") continue;
    seconds.push({ sampling: event.samplingSeconds, decoding: event.decodingSeconds });
  }
  const all = (performance.now() - begun) / 1000;
  assert.ok(
    seconds[0]!.decoding > seconds[1]!.sampling / 2,
    "the first decoding lasted until the second sampling's end",
  );
  assert.ok(seconds.reduce((sum, { sampling }) => sum + sampling, 0) < all);
  assert.ok(seconds.reduce((sum, { decoding }) => sum + decoding, 0) < all);
});
