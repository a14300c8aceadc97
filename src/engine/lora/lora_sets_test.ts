import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { emojiDir } from "../../../tests/emoji.ts";
import { seenModules, writeLora } from "../../../tests/lora_files.ts";
import { ExecutableCache } from "../onnx/executable_cache.ts";
import type { Executable, Runtime } from "../onnx/runtime.ts";
import { loadTransformer } from "../transformer.ts";
import { hostDeviceMemory } from "../onnx/device_memory.ts";
import { loadGpuTransformer } from "../gpu_transformer.ts";
import { sidesOf } from "../streaming/known_blocks.ts";
import { LoraSets } from "./lora_sets.ts";

const unused = (): never => assert.fail("nothing is computed here");

/** Compiles nothing, and knows how many graphs it was given and how many of them, and of what it gave, are still held. */
function countingRuntime() {
  const counts = { compiled: 0, held: 0, ports: 0, bytes: 0 };
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

Deno.test("a dropped set gives back what its blocks have of a GPU's memory, and the base takes it again", async () => {
  await using trial = await emojiTrial();
  const { counts, runtime, newCache } = countingRuntime();
  using executables = newCache();
  const device = { kind: "cpu" } as const;
  const placement = { dual: { resident: [0, 1] }, single: { resident: [1] } };
  const loaded = await loadGpuTransformer(join(emojiDir, "transformer"), executables, { runtime, device, placement });
  {
    await using _blocks = loaded.blocks;
    await using sets = new LoraSets(loaded.transformer, newCache);
    await loaded.transformer.warm(shape);
    const ofBase = counts.bytes;
    assert.ok(ofBase > 0);
    for (const file of [trial.ink, trial.oil]) {
      const under = await sets.transformerUnder([{ file, strength: 1 }], signal);
      await under.warm(shape);
      const beside = sidesOf(under.source).reduce((sum, { layout }) => sum + layout.sizeBytes, 0);
      assert.equal(beside > 0, file === trial.ink, "the other file changes no block");
      assert.deepEqual(
        [counts.bytes, counts.ports],
        [ofBase + beside, 2],
        "the set in use has the memory, the one before nothing",
      );
    }
    await sets[Symbol.asyncDispose]();
    assert.deepEqual([counts.bytes, counts.ports], [0, 1]);
    await loaded.transformer.warm(shape);
    assert.equal(counts.bytes, ofBase);
  }
  assert.deepEqual([counts.bytes, counts.ports], [0, 0]);
});
