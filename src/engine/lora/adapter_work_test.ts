import assert from "node:assert/strict";
import { join } from "node:path";
import { publishedModelTensors } from "../../../bench/published_model.ts";
import { publishedTransformer } from "../../../bench/published_transformer.ts";
import { writeHollow } from "../../../bench/sparse_model.ts";
import { planMemory } from "../memory/mod.ts";
import { modelSizes } from "../memory/model_sizes.ts";
import { engineAbilities, workOf } from "../memory/request_memory.ts";
import type { DType } from "../onnx/tensor.ts";
import { adapterWork } from "./adapter_work.ts";

/** Headers of the published transformer, and of a LoRA of these of its modules. */
async function published(modules: (all: string[]) => string[], rank: number) {
  const dir = await Deno.makeTempDir();
  const { transformer } = publishedModelTensors();
  const tensors = transformer.names().map((name) => ({
    name,
    shape: transformer.get(name).shape,
    dtype: "bfloat16" as DType,
  }));
  await Deno.mkdir(join(dir, "transformer"));
  await Deno.writeTextFile(join(dir, "transformer", "config.json"), JSON.stringify(publishedTransformer));
  await writeHollow(join(dir, "transformer", "model.safetensors"), tensors);
  const matrices = tensors.filter(({ name, shape }) => name.endsWith(".weight") && shape.length === 2);
  const chosen = modules(matrices.map(({ name }) => name.slice(0, -".weight".length)));
  const lora = join(dir, "lora.safetensors");
  await writeHollow(
    lora,
    matrices.filter(({ name }) => chosen.includes(name.slice(0, -".weight".length))).flatMap(({ name, shape }) => [
      { name: name.replace(/weight$/, "lora_A.weight"), dtype: "bfloat16", shape: [rank, shape[1]!] },
      { name: name.replace(/weight$/, "lora_B.weight"), dtype: "bfloat16", shape: [shape[0]!, rank] },
    ]),
  );
  return { dir, lora, [Symbol.asyncDispose]: () => Deno.remove(dir, { recursive: true }) };
}

const ofBlocks = (all: string[]) => all.filter((name) => /^(single_)?transformer_blocks\.\d+\.(?!norm)/.test(name));

Deno.test("a LoRA of every layer of the published blocks lies beside them, in half a gigabyte, on a card of 8 GB", async () => {
  await using made = await published(ofBlocks, 32);
  const { isMerged, sideBytes } = await adapterWork(made.dir, [{ file: made.lora, strength: 1 }]);
  assert.equal(isMerged, false);
  assert.ok(sideBytes > 0.45e9 && sideBytes < 0.65e9, `${sideBytes}`);
  const model = modelSizes(publishedModelTensors());
  const settings = { widthPx: 640, heightPx: 608, windowLatentFrames: 9, steps: 25, cfg: 1 };
  const plan = planMemory({
    ...{ model, precision: "bf16", abilities: engineAbilities },
    card: { totalBytes: 8e9, freeBytes: 7.5e9 },
    work: workOf(settings, model, { isMerged, sideBytes }),
  });
  assert.equal(plan.kind, "planned");
});

Deno.test("what lies outside of the blocks is merged", async () => {
  await using made = await published((all) => all.filter((name) => name.startsWith("context_embedder.proj_in")), 4);
  assert.deepEqual(await adapterWork(made.dir, [{ file: made.lora, strength: 1 }]), { isMerged: true, sideBytes: 0 });
  assert.deepEqual(await adapterWork(made.dir, [{ file: made.lora, strength: 0 }]), { isMerged: false, sideBytes: 0 });
  assert.deepEqual(await adapterWork(made.dir), { isMerged: false, sideBytes: 0 });
});
