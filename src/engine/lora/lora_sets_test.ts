import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { emojiDir } from "../../../tests/emoji.ts";
import { seenModules, writeLora } from "../../../tests/lora_files.ts";
import { ExecutableCache } from "../onnx/executable_cache.ts";
import type { Executable, Runtime } from "../onnx/runtime.ts";
import { loadTransformer } from "../transformer.ts";
import { LoraSets } from "./lora_sets.ts";

const unused = (): never => assert.fail("nothing is computed here");

/** Compiles nothing, and knows how many graphs it was given and how many of them are still held. */
function countingRuntime() {
  const counts = { compiled: 0, held: 0 };
  const runtime: Runtime = {
    compile() {
      counts.compiled++;
      counts.held++;
      const executable: Executable = {
        inputs: [],
        outputs: [],
        run: unused,
        runInto: unused,
        [Symbol.dispose]: () => void counts.held--,
      };
      return Promise.resolve(executable);
    },
    whyNot: () => undefined,
    memoryInfo: unused,
    releaseArena: unused,
    openMemory: unused,
    tensorIn: unused,
    [Symbol.dispose]() {},
  };
  return { counts, newCache: () => new ExecutableCache(runtime, { device: { kind: "cpu" }, weights: "resident" }) };
}

const signal = new AbortController().signal;
const shape = { window: [9, 12, 12], history: { "1x": 2, "2x": 2, "4x": 16 } } as const;

async function emojiTrial() {
  const folder = await mkdtemp(join(tmpdir(), "framecast-lora-"));
  const [ink, oil] = [join(folder, "ink.safetensors"), join(folder, "oil.safetensors")];
  await writeLora(ink, emojiDir, { format: "peft", modules: seenModules });
  await writeLora(oil, emojiDir, { format: "kohya", modules: ["context_embedder.proj_in"], seed: "oil" });
  const { counts, newCache } = countingRuntime();
  const executables = newCache();
  const base = await loadTransformer(join(emojiDir, "transformer"), executables);
  const sets = new LoraSets(base, newCache);
  return {
    ...{ ink, oil, counts, base, sets },
    async [Symbol.asyncDispose]() {
      await sets[Symbol.asyncDispose]();
      executables[Symbol.dispose]();
      await rm(folder, { recursive: true });
    },
  };
}

Deno.test("only graphs with a changed weight are compiled again; the others are the base's", async () => {
  await using trial = await emojiTrial();
  const { base, sets, counts, ink, oil } = trial;
  await base.warm(shape);
  assert.deepEqual(counts, { compiled: 6, held: 6 });
  const inked = await sets.transformerUnder([{ file: ink, strength: 1 }], signal);
  await inked.warm(shape);
  assert.deepEqual(counts, { compiled: 7, held: 7 }); // the blocks
  await inked.warm(shape);
  assert.equal(counts.compiled, 7);
  const both = await sets.transformerUnder([{ file: ink, strength: 1 }, { file: oil, strength: 1 }], signal);
  await both.warm(shape);
  await Promise.resolve();
  assert.deepEqual(counts, { compiled: 9, held: 8 }); // the blocks and the text; the last set's are let go
});

Deno.test("an empty set is the base, the last set is kept, another strength or file is another set", async () => {
  await using trial = await emojiTrial();
  const { base, sets, ink, oil } = trial;
  const under = (...loras: [file: string, strength: number][]) =>
    sets.transformerUnder(loras.map(([file, strength]) => ({ file, strength })), signal);
  const first = await under([ink, 0.5]);
  assert.equal(await under(), base);
  assert.equal(await under([oil, 0]), base);
  assert.equal(await under([ink, 0.5]), first);
  assert.equal(await under([ink, 0.5], [oil, 0]), first);
  const stronger = await under([ink, 0.6]);
  assert.notEqual(stronger, first);
  await writeLora(ink, emojiDir, { format: "peft", modules: seenModules.slice(1) });
  const rewritten = await under([ink, 0.6]);
  assert.notEqual(rewritten, stronger);
  assert.deepEqual(
    await base.source.checkpoint.readFloat32(`${seenModules[0]}.weight`),
    await rewritten.source
      .checkpoint.readFloat32(`${seenModules[0]}.weight`),
  );
});

Deno.test("a set that cannot be made leaves the last one as it is", async () => {
  await using trial = await emojiTrial();
  const { sets, ink } = trial;
  const set = [{ file: ink, strength: 1 }];
  const first = await sets.transformerUnder(set, signal);
  const missing = { file: `${ink}.none`, strength: 1 };
  await assert.rejects(sets.transformerUnder([missing], signal), /^RequestError: Cannot apply the LoRA ".*none"/);
  assert.equal(await sets.transformerUnder(set, signal), first);
});
