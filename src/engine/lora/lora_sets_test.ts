import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { emojiDir } from "../../../tests/emoji.ts";
import { loraTensors, seenModules, writeLora } from "../../../tests/lora_files.ts";
import { ExecutableCache } from "../onnx/executable_cache.ts";
import type { Executable, Runtime } from "../onnx/runtime.ts";
import { writeSafetensors } from "../onnx/safetensors.ts";
import { float32Tensor } from "../onnx/tensor.ts";
import { loadTransformer } from "../transformer.ts";
import { hostDeviceMemory } from "../onnx/device_memory.ts";
import { loadGpuTransformer } from "../gpu_transformer.ts";
import { sidesOf } from "../streaming/known_blocks.ts";
import { LoraSets } from "./lora_sets.ts";

const unused = (): never => assert.fail("nothing is computed here");

/** Compiles nothing, and knows how many graphs it was given and how many of them, and of what it gave, are still held. */
function countingRuntime() {
  const counts = { compiled: 0, held: 0, ports: 0, bytes: 0, pieces: 0 };
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
    openMemory() {
      const port = hostDeviceMemory();
      counts.ports++;
      return {
        ...port,
        allocate(sizeBytes) {
          const memory = port.allocate(sizeBytes);
          counts.bytes += sizeBytes;
          counts.pieces++;
          const dispose = () => void (counts.bytes -= sizeBytes);
          return Object.assign(memory, { [Symbol.dispose]: dispose });
        },
        [Symbol.dispose]: () => void counts.ports--,
      };
    },
    tensorIn: unused,
    [Symbol.dispose]() {},
  };
  return {
    counts,
    runtime,
    newCache: () => new ExecutableCache(runtime, { device: { kind: "cpu" }, weights: "resident" }),
  };
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
    ...{ folder, ink, oil, counts, base, sets },
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
  assert.deepEqual([counts.compiled, counts.held], [6, 6]);
  const inked = await sets.transformerUnder([{ file: ink, strength: 1 }], signal);
  await inked.warm(shape);
  assert.deepEqual([counts.compiled, counts.held], [7, 7]); // the blocks
  await inked.warm(shape);
  assert.equal(counts.compiled, 7);
  const both = await sets.transformerUnder([{ file: ink, strength: 1 }, { file: oil, strength: 1 }], signal);
  await both.warm(shape);
  await Promise.resolve();
  assert.deepEqual([counts.compiled, counts.held], [9, 8]); // the blocks and the text; the last set's are let go
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

async function gpuTrial(trial: Awaited<ReturnType<typeof emojiTrial>>) {
  const { counts, runtime, newCache } = countingRuntime();
  const executables = newCache();
  const device = { kind: "cpu" } as const;
  const placement = { dual: { resident: [0, 1] }, single: { resident: [1] } };
  const loaded = await loadGpuTransformer(join(emojiDir, "transformer"), executables, { runtime, device, placement });
  const sets = new LoraSets(loaded.transformer, newCache);
  const warmUnder = async (...files: string[]) => {
    const under = await sets.transformerUnder(files.map((file) => ({ file, strength: 1 })), signal);
    await under.warm(shape);
    return sidesOf(under.source).map(({ layout }) => layout.sizeBytes);
  };
  return {
    ...{ counts, sets, warmUnder, ink: trial.ink, oil: trial.oil, base: loaded.transformer },
    async [Symbol.asyncDispose]() {
      await sets[Symbol.asyncDispose]();
      await loaded.blocks[Symbol.asyncDispose]();
      executables[Symbol.dispose]();
      assert.deepEqual([counts.bytes, counts.ports], [0, 0]);
    },
  };
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

Deno.test("sets that leave the blocks' weights alone share them: nothing but their own numbers is brought", async () => {
  await using trial = await emojiTrial();
  await using on = await gpuTrial(trial);
  const { counts, ink, oil } = on;
  await on.base.warm(shape);
  const [ofBase, pieces] = [counts.bytes, counts.pieces];
  assert.ok(ofBase > 0);
  const ofInk = await on.warmUnder(ink);
  assert.ok(ofInk.length > 0);
  assert.deepEqual([counts.bytes, counts.pieces], [ofBase + sum(ofInk), pieces + ofInk.length]);
  assert.deepEqual(await on.warmUnder(oil), [], "it changes no block");
  assert.deepEqual([counts.bytes, counts.pieces], [ofBase, pieces + ofInk.length]);
  await on.warmUnder(ink, oil);
  await on.sets[Symbol.asyncDispose]();
  await on.base.warm(shape);
  assert.deepEqual([counts.bytes, counts.pieces, counts.ports], [ofBase, pieces + 2 * ofInk.length, 1]);
});

Deno.test("a set that changes a block's own weight takes the memory over, and gives it back to the base", async () => {
  await using trial = await emojiTrial();
  await using on = await gpuTrial(trial);
  const { counts } = on;
  await on.base.warm(shape);
  const ofBase = counts.bytes;
  const biased = join(trial.folder, "biased.safetensors");
  const tensors = await loraTensors(emojiDir, { format: "peft", modules: seenModules.slice(0, 1) });
  const bias = float32Tensor([128], new Float32Array(128).fill(0.1));
  await writeSafetensors(biased, { ...tensors, [`transformer.${seenModules[0]}.lora_B.bias`]: bias });
  const beside = await on.warmUnder(biased);
  assert.deepEqual([counts.bytes, counts.ports], [ofBase + sum(beside), 2], "the base has nothing");
  await on.sets[Symbol.asyncDispose]();
  assert.deepEqual([counts.bytes, counts.ports], [0, 1]);
  await on.base.warm(shape);
  assert.equal(counts.bytes, ofBase);
});
