import assert from "node:assert/strict";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { exampleRequest } from "../../tests/emoji.ts";
import { runsInSight, seenRuntime } from "../../tests/model_in_sight.ts";
import { DeviceError } from "./errors.ts";
import type { GenerationEvent } from "./event.ts";
import { createFramePackEngine } from "./framepack_engine.ts";
import { openRuntime } from "./onnx/runtime.ts";

const emoji = fileURLToPath(new URL("../../models/emoji", import.meta.url));

Deno.test("createFramePackEngine() names the model and the reason when its configuration contradicts itself", async () => {
  const folder = await mkdtemp(join(tmpdir(), "framecast-contradiction-"));
  try {
    await cp(emoji, folder, { recursive: true });
    const file = join(folder, "vae", "config.json");
    const config = JSON.parse(await readFile(file, "utf8"));
    await writeFile(file, JSON.stringify({ ...config, "norm_num_groups": 3 })); // of 8 channels
    await using engine = createFramePackEngine({ device: { kind: "cpu" } });
    await assert.rejects(Array.fromAsync(engine.warm(folder, new AbortController().signal)), (error: Error) => {
      assert.equal(error.name, "CheckpointError");
      assert.ok(error.message.startsWith(`Cannot use the model folder "${folder}": Cannot build `), error.message);
      assert.match(error.message, /expected a multiple of 3$/);
      return true;
    });
  } finally {
    await rm(folder, { recursive: true });
  }
});

const small = { durationSeconds: 0.6, windowLatentFrames: 2, widthPx: 32, heightPx: 32, steps: 2, previews: false };

/** A video of several sections, made while memory is full at one step, counted from 1. */
async function madeWhileFullAt(step: number) {
  const runs = runsInSight();
  let isFull = true;
  runs.before = () => {
    if (runs.steps !== step || !isFull) return;
    isFull = false;
    throw new DeviceError("out of memory", "The GPU's memory is full");
  };
  await using engine = createFramePackEngine({ device: { kind: "cpu" } }, () => seenRuntime(openRuntime(), runs));
  const events: GenerationEvent[] = [];
  let fault: unknown;
  try {
    const request = await exampleRequest(small);
    for await (const event of engine.generate(request, new AbortController().signal)) events.push(event);
  } catch (cause) {
    fault = cause;
  }
  const count = (kind: GenerationEvent["kind"]) => events.filter((event) => event.kind === kind).length;
  const frames = events.flatMap((event) => event.kind === "frames" ? [event.batch] : []);
  return { fault, frames, loads: count("device"), sections: count("sectionDone") };
}

Deno.test("a video for which memory is full before it has a frame is begun again, and is the same", async () => {
  const plain = await madeWhileFullAt(Infinity);
  assert.deepEqual([plain.fault, plain.loads], [undefined, 1]);
  assert.ok(plain.sections > 1);
  const again = await madeWhileFullAt(2);
  assert.deepEqual(again, { ...plain, loads: 2 });
});

Deno.test("a video for which memory is full after its first section ends with what is made", async () => {
  const { fault, frames, loads, sections } = await madeWhileFullAt(3);
  assert.ok(fault instanceof DeviceError);
  assert.deepEqual([loads, sections, frames.length > 0], [1, 1, true]);
});
