import assert from "node:assert/strict";
import type { MemoryShortageError } from "../errors.ts";
import type { MemoryPlan, MemoryWishes } from "./memory_plan.ts";
import { publishedSizes as model } from "./published_sizes.ts";
import { leastBytes, planMemory } from "./plan_memory.ts";
import { engineAbilities, planFor, type PlannedSettings, workOf } from "./request_memory.ts";

const settings: PlannedSettings = { widthPx: 640, heightPx: 608, windowLatentFrames: 9, steps: 25, cfg: 1 };
const cardOf = (sizeGiB: number) => ({ totalBytes: sizeGiB * 2 ** 30, freeBytes: 0.99 * sizeGiB * 2 ** 30 });
const planned = (sizeGiB: number, wishes?: MemoryWishes, asked = settings): MemoryPlan =>
  planFor(workOf(asked, model), { card: cardOf(sizeGiB), model, wishes }).plan;

const placesOf = ({ dual, single, llama, smallEncoders, conditioning, vae }: MemoryPlan) => ({
  streamed: [dual.streamed.length, single.streamed.length],
  ...{ llama, smallEncoders, conditioning },
  ...{ vae: vae.place, decode: vae.decode, tiles: vae.spatialTiles },
});

const leaving = { llama: "streamed", smallEncoders: "loaded", conditioning: "loaded", vae: "loaded" };
const staying = { llama: "resident", smallEncoders: "resident", conditioning: "resident", vae: "resident" };

Deno.test("planFor() places the published model as the engine can carry it out, card by card", () => {
  const expected = {
    6: { streamed: [18, 40], ...leaving, vae: "resident", decode: "between", tiles: "tiled" },
    8: { streamed: [13, 40], ...leaving, vae: "resident", decode: "between", tiles: "tiled" },
    12: { streamed: [4, 40], ...leaving, vae: "resident", decode: "between", tiles: "tiled" },
    16: { streamed: [0, 26], ...leaving, decode: "between", tiles: "tiled" },
    22: { streamed: [0, 0], ...leaving, vae: "resident", decode: "between", tiles: "tiled" },
    24: { streamed: [0, 0], ...leaving, vae: "resident", decode: "overlapped", tiles: "tiled" },
    32: { streamed: [0, 0], ...staying, llama: "streamed", decode: "overlapped", tiles: "tiled" },
    48: { streamed: [0, 0], ...staying, decode: "overlapped", tiles: "tiled" },
    80: { streamed: [0, 0], ...staying, decode: "overlapped", tiles: "whole" },
  };
  for (const [sizeGiB, places] of Object.entries(expected)) {
    assert.deepEqual(placesOf(planned(Number(sizeGiB))), places, `${sizeGiB} GiB`);
  }
  assert.deepEqual(planned(12).dual.streamed, [2, 7, 12, 17]);
});

Deno.test("planFor() decodes beside the sampling from the gigabyte on that it takes, and streams no block for it", () => {
  const work = workOf(settings, model);
  let before: MemoryPlan["vae"]["decode"] = "between";
  for (let freeBytes = 5.1e9; freeBytes < 30e9; freeBytes += 0.2e9) {
    const card = { totalBytes: freeBytes, freeBytes };
    const { plan, question } = planFor(work, { card, model, wishes: {} });
    const between = planMemory({ ...question, abilities: { decode: ["between"] } }) as MemoryPlan;
    assert.deepEqual([plan.dual, plan.single], [between.dual, between.single], `${freeBytes} bytes`);
    if (plan.vae.decode === "between") assert.deepEqual(plan, between);
    assert.ok(before === "between" || plan.vae.decode === "overlapped", `${freeBytes} bytes`);
    before = plan.vae.decode;
  }
  assert.equal(before, "overlapped");
});

Deno.test("the smallest plan decodes between the sections", () => {
  const asked = { work: workOf(settings, model), model, precision: "bf16" } as const;
  const neededBytes = leastBytes({ ...asked, abilities: engineAbilities });
  assert.equal(neededBytes, leastBytes({ ...asked, abilities: { decode: ["between"] } }));
  assert.equal(neededBytes, 4_789_233_523);
});

Deno.test("planFor() plans for blocks as the file has them: in 8 bits all of them stay on a card of 16 GiB", () => {
  const in8Bits = { ...model, transformer: { ...model.transformer, bytesPerNumber: 1 } };
  const onCard = (asked: typeof model) =>
    planFor(workOf(settings, asked), { card: cardOf(16), model: asked, wishes: {} });
  const { plan } = onCard(in8Bits);
  assert.equal(plan.precision, "fp8");
  assert.deepEqual(placesOf(plan).streamed, [0, 0]);
  assert.equal(plan.host.packedBytes, 0, "they lie in the file as they are");
  const scaled = onCard({ ...in8Bits, transformer: { ...in8Bits.transformer, hasScales: true } }).plan;
  const largestProduct = 3072 * 21_504;
  const grown = scaled.phases.sampling.workingBytes - plan.phases.sampling.workingBytes;
  assert.ok(Math.abs(grown - 1.15 * (8 - 2) * largestProduct) <= 1, "a scale is multiplied by in float32");
});

Deno.test("planFor() refuses a card of 4 GiB, with the bytes that are missing", () => {
  assert.throws(() => planned(4), (error: MemoryShortageError) => {
    assert.equal(error.name, "MemoryShortageError");
    const { neededBytes, limitBytes, missingBytes, fittingSize } = error.shortage;
    assert.equal(missingBytes, neededBytes - limitBytes);
    assert.ok(neededBytes < 5e9, "a card of 6 GB has room to spare");
    assert.deepEqual(fittingSize, { widthPx: 224, heightPx: 208 }, "smaller than a tile of the decoder");
    assert.match(error.message, /^640 × 608 in bfloat16 needs [\d.]+ GB of VRAM for decoding/);
    assert.ok(error.message.endsWith("(3.98 GB may be used); 224 × 208 fits"), error.message);
    return true;
  });
});

Deno.test("planFor() proposes the next size that fits, which then does", () => {
  const large = { ...settings, widthPx: 2048, heightPx: 2048, windowLatentFrames: 33 };
  assert.throws(() => planned(16, {}, large), ({ shortage }: MemoryShortageError) => {
    planned(16, {}, { ...large, ...shortage.fittingSize! });
    return shortage.fittingSize !== null;
  });
});

Deno.test("planFor() does what was decided, and names a count of blocks that there is not", () => {
  assert.equal(placesOf(planned(80, { streamedBlocks: 7 })).streamed.join(), "0,7");
  assert.equal(planned(80, { spatialTiles: "tiled" }).vae.spatialTiles, "tiled");
  assert.ok(planned(80, { limitBytes: 24e9 }).peakBytes <= 24e9);
  assert.throws(() => planned(80, { streamedBlocks: 61 }), {
    name: "RequestError",
    message: "Cannot stream 61 blocks: the transformer has 60",
  });
});

Deno.test("adapters beside the blocks stay on the card outside of ONNX Runtime's share, and products are there twice", () => {
  const under = (sideBytes: number) =>
    planFor(workOf(settings, model, { isMerged: false, sideBytes }), { card: cardOf(48), model, wishes: {} }).plan;
  const [without, beside] = [under(0), under(300e6)];
  assert.equal(beside.residentBytes - without.residentBytes, 300e6);
  assert.equal(beside.residentInputsBytes - without.residentInputsBytes, 300e6);
  const grown = beside.phases.sampling.workingBytes / without.phases.sampling.workingBytes;
  assert.ok(grown > 1 && grown < 16 / 15, `${grown}`);
});

Deno.test("workOf() counts the steps that are prepared, and graphs that adapters make a second time", () => {
  assert.equal(workOf(settings, model).preparedSteps, 25);
  assert.equal(workOf({ ...settings, cfg: 4 }, model).preparedSteps, 50);
  assert.equal(workOf(settings, model).adapterBytes, 0);
  const { conditioningBytes, embeddingBytes } = model.transformer;
  const merged = workOf(settings, model, { isMerged: true, sideBytes: 0 });
  assert.equal(merged.adapterBytes, conditioningBytes + embeddingBytes);
  const [few, many] = [25, 100].map((steps) => planned(48, {}, { ...settings, steps }));
  const vectorsOfStep = 2 * 3072 * (20 * 12 + 40 * 3);
  assert.equal(many!.residentBytes - few!.residentBytes, 75 * vectorsOfStep);
  const contextOfStep = 2 * 3072 * (729 + 256);
  const grown = many!.phases.sampling.workingBytes - few!.phases.sampling.workingBytes;
  assert.ok(Math.abs(grown - 1.15 * 75 * contextOfStep) <= 1);
});
