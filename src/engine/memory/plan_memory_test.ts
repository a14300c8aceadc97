import assert from "node:assert/strict";
import { publishedModelTensors } from "../../../bench/published_model.ts";
import { planSections, sizesOfResolution } from "../sampling/mod.ts";
import { decodeTiling, tileShapes } from "../vae_tiling.ts";
import type { MemoryPlan, MemoryQuestion, MemoryRefusal, Phase, WeightPrecision } from "./memory_plan.ts";
import { modelSizes } from "./model_sizes.ts";
import { comfortMemory, decodedPiece, phasesOf } from "./phases.ts";
import { planMemory, sectionOf } from "./plan_memory.ts";
import { decodingWorkingBytes } from "./working_memory.ts";

const GiB = 2 ** 30;
const model = modelSizes(publishedModelTensors());
const cards = [6, 8, 12, 16, 24, 48, 80];
const precisions: readonly WeightPrecision[] = ["bf16", "fp8", "int4"];

/** A card of so many GiB of which a hundredth is in use, as on a machine without a screen. */
const cardOf = (sizeGiB: number) => ({ totalBytes: sizeGiB * GiB, freeBytes: 0.99 * sizeGiB * GiB });

function question(given: {
  readonly sizeGiB: number;
  readonly precision?: WeightPrecision;
  readonly widthPx?: number;
  readonly heightPx?: number;
  readonly windowLatentFrames?: number;
}): MemoryQuestion {
  const { sizeGiB, precision = "bf16", widthPx = 640, heightPx = 608, windowLatentFrames = 9 } = given;
  const section = sectionOf({ widthPx, heightPx }, windowLatentFrames);
  return { card: cardOf(sizeGiB), model, precision, work: { section } };
}

function planned(asked: MemoryQuestion): MemoryPlan {
  const plan = planMemory(asked);
  assert.equal(plan.kind, "planned", JSON.stringify(plan));
  return plan as MemoryPlan;
}

function refused(asked: MemoryQuestion): MemoryRefusal {
  const refusal = planMemory(asked);
  assert.equal(refusal.kind, "refused");
  return refusal as MemoryRefusal;
}

/** CUDA's pages. */
const inPages = (bytes: number) => Math.ceil(bytes / 2 ** 21) * 2 ** 21;
const modulationOfBlock = inPages(226_566_144);

const streamedBlocks = (plan: MemoryPlan) => plan.dual.streamed.length + plan.single.streamed.length;

/** Every bucket of three resolutions, three windows and three precisions, each over all cards from the smallest. */
function* families(): Generator<{ readonly name: string; readonly plans: (MemoryPlan | MemoryRefusal)[] }> {
  for (const { widthPx, heightPx } of [640, 384, 256].flatMap(sizesOfResolution)) {
    for (const windowLatentFrames of [3, 9, 33]) {
      for (const precision of precisions) {
        const of = { widthPx, heightPx, windowLatentFrames, precision };
        yield {
          name: `${widthPx} × ${heightPx}, window ${windowLatentFrames}, ${precision}`,
          plans: cards.map((sizeGiB) => planMemory(question({ ...of, sizeGiB }))),
        };
      }
    }
  }
}
const allFamilies = [...families()];

Deno.test("planMemory() never plans above the limit", () => {
  for (const { name, plans } of allFamilies) {
    for (const plan of plans) {
      if (plan.kind === "refused") continue;
      assert.ok(plan.peakBytes <= plan.limitBytes, name);
      assert.equal(
        plan.peakBytes,
        plan.cudaBytes + plan.residentBytes + 2 * plan.staging.slotBytes + plan.arenaBytes,
        name,
      );
      const phases = Object.values(plan.phases);
      assert.equal(plan.arenaBytes, Math.max(...phases.map(({ arenaBytes }) => arenaBytes)), name);
      for (const { arenaBytes, weightsBytes, stagingBytes, workingBytes } of phases) {
        assert.equal(arenaBytes, weightsBytes + stagingBytes + workingBytes, name);
      }
      const { sampling, decoding } = plan.phases;
      if (plan.vae.decode === "overlapped") assert.deepEqual(sampling, decoding, name);
      assert.equal(decoding.weightsBytes, plan.vae.place === "loaded" ? 2 * model.vae.decoderNumbers : 0, name);
    }
  }
});

Deno.test("phasesOf() counts both working memories and the decoder's weights while a section is decoded beside the sampling", () => {
  const asked = question({ sizeGiB: 24 });
  const places = { llama: "streamed", smallEncoders: "loaded", conditioning: "loaded", vae: "loaded" } as const;
  const phases = (decode: "between" | "overlapped") => {
    const comfort = { ...places, decode, spatialTiles: "tiled", mlpChunks: 1 } as const;
    return phasesOf(comfort, comfortMemory(asked, comfort));
  };
  const { sampling, decoding } = phases("between");
  const together = phases("overlapped");
  const weightsBytes = 2 * model.vae.decoderNumbers;
  assert.deepEqual([sampling.weightsBytes, decoding.weightsBytes], [0, weightsBytes]);
  assert.equal(together.sampling.weightsBytes, weightsBytes);
  assert.equal(together.sampling.arenaBytes, sampling.arenaBytes + decoding.arenaBytes);
  assert.deepEqual(together.decoding, together.sampling);
});

Deno.test("planMemory() puts every block in exactly one place, and has slots for what passes by", () => {
  for (const { name, plans } of allFamilies) {
    for (const plan of plans) {
      if (plan.kind === "refused") continue;
      for (const [places, count] of [[plan.dual, 20], [plan.single, 40]] as const) {
        const all = [...places.resident, ...places.streamed].toSorted((a, b) => a - b);
        assert.deepEqual(all, Array.from({ length: count }, (_, index) => index), name);
      }
      assert.ok(plan.staging.slotBytes >= modulationOfBlock, name);
      assert.ok(plan.host.pinnedBytes >= 2 * plan.staging.slotBytes, name);
    }
  }
});

Deno.test("planMemory() streams no more on a larger card, and refuses nothing a smaller one can do", () => {
  for (const { name, plans } of allFamilies) {
    for (const [index, larger] of plans.entries()) {
      const smaller = plans[index - 1];
      if (smaller?.kind !== "planned") continue;
      assert.equal(larger.kind, "planned", `${name} on ${cards[index]} GiB`);
      assert.ok(streamedBlocks(larger as MemoryPlan) <= streamedBlocks(smaller), `${name} on ${cards[index]} GiB`);
    }
  }
});

Deno.test("planMemory() grows with free memory byte by byte as well as card by card", () => {
  let before = Infinity;
  for (let freeBytes = 5.2e9; freeBytes < 26e9; freeBytes += 0.1e9) {
    const asked = { ...question({ sizeGiB: 80 }), card: { totalBytes: 80 * GiB, freeBytes } };
    const plan = planMemory(asked);
    if (plan.kind === "refused") assert.equal(before, Infinity);
    else assert.ok(streamedBlocks(plan) <= before, `${freeBytes} bytes`);
    before = plan.kind === "refused" ? Infinity : streamedBlocks(plan);
  }
  assert.equal(before, 0);
});

Deno.test("planMemory() streams no more bytes in a coarser precision", () => {
  for (const sizeGiB of cards) {
    const [exact, coarse, coarsest] = precisions.map((precision) =>
      streamedBlocks(planned(question({ sizeGiB, precision })))
    ) as [number, number, number];
    assert.ok(exact >= coarse && coarse >= coarsest, `${sizeGiB} GiB: ${exact}, ${coarse}, ${coarsest}`);
  }
});

Deno.test("planMemory() fits the published model at 608 × 640 in bf16 on every card from 6 GB", () => {
  const plans = cards.map((sizeGiB) => planned(question({ sizeGiB })));
  assert.ok(streamedBlocks(plans[0]!) > 50, "a card of 6 GB streams nearly all blocks");
  assert.deepEqual(plans.slice(4).map(streamedBlocks), [0, 0, 0], "one of 24 GB none");
  assert.equal(plans.at(-1)!.llama, "resident");
  // 6 GB by decimal counting, half a gigabyte of it in use by a screen.
  assert.equal(
    planMemory({ ...question({ sizeGiB: 6 }), card: { totalBytes: 6e9, freeBytes: 5.5e9 } }).kind,
    "planned",
  );
});

Deno.test("planMemory() keeps modulation weights out of VRAM", () => {
  const plan = planned(question({ sizeGiB: 80 }));
  const blocks = 20 * inPages(453_096_448) + 40 * inPages(226_542_080); // modulation would add 6.8 GB
  const besideBlocks = 828_033_152;
  const vae = 2 * 246_478_803;
  const { llama, clip, siglip } = model;
  assert.equal(plan.residentBytes, blocks + besideBlocks + vae + llama.bytes + clip.bytes + siglip.bytes);
});

Deno.test("planMemory() knows what matrices take in each precision", () => {
  const [dual, single] = [226_492_416, 113_246_208]; // numbers in the matrices of a block
  const blocks = (bytesPerNumber: number) =>
    20 * inPages(dual * bytesPerNumber + 2 * 55_808) + 40 * inPages(single * bytesPerNumber + 2 * 24_832);
  const besideBlocks = planned(question({ sizeGiB: 80 })).residentBytes - blocks(2);
  // A float32 scale per row of 3072; a 16-bit scale per 32 numbers.
  for (const [precision, bytesPerNumber] of [["fp8", 1 + 4 / 3072], ["int4", 0.5 + 2 / 32]] as const) {
    assert.equal(planned(question({ sizeGiB: 80, precision })).residentBytes - besideBlocks, blocks(bytesPerNumber));
  }
});

Deno.test("planMemory() has room for adapters beside the weights", () => {
  const asked = question({ sizeGiB: 80 });
  const withAdapters = planned({ ...asked, work: { ...asked.work, adapterBytes: 300e6 } });
  assert.equal(withAdapters.residentBytes, planned(asked).residentBytes + 300e6);
});

Deno.test("planMemory() holds for every section of a video of any length", () => {
  for (const windowLatentFrames of [1, 3, 9, 33]) {
    const { work } = question({ sizeGiB: 6, windowLatentFrames });
    const [, height, width] = work.section.window;
    for (const schedule of ["inverted", "forward"] as const) {
      for (const section of planSections({ durationSeconds: 60, schedule, windowLatentFrames })) {
        const { clean1x, clean2x, clean4x } = section.indices;
        const history = { "1x": clean1x.length, "2x": clean2x.length, "4x": clean4x.length };
        assert.deepEqual(work.section, { window: [section.windowLatentFrames, height, width], history });
        for (const spatialTiles of ["tiled", "whole"] as const) {
          const most = decodedPiece(work, spatialTiles);
          const decoded = tileShapes([16, section.decodedLatentFrames, height, width], decodeTiling, spatialTiles);
          assert.ok(decoded.every(([, ...piece]) => piece.every((size, axis) => size <= most[axis]!)));
        }
      }
    }
  }
});

Deno.test("planMemory() spreads streamed blocks evenly, single-stream ones first", () => {
  const plan = planned({ ...question({ sizeGiB: 24 }), wishes: { streamedBlocks: 10 } });
  assert.deepEqual(plan.dual.streamed, []);
  assert.deepEqual(plan.single.streamed, [2, 6, 10, 14, 18, 22, 26, 30, 34, 38]);
  assert.equal(plan.staging.slotBytes, modulationOfBlock);
  const more = planned({ ...question({ sizeGiB: 24 }), wishes: { streamedBlocks: 45 } });
  assert.deepEqual([more.dual.streamed, more.single.streamed.length], [[2, 6, 10, 14, 18], 40]);
  assert.equal(more.staging.slotBytes, inPages(453_096_448));
});

Deno.test("planMemory() does what the user decided, or refuses with numbers", () => {
  const asked = question({ sizeGiB: 24 });
  const limited = planned({ ...asked, wishes: { limitBytes: 8e9 } });
  assert.ok(limited.peakBytes <= 8e9 && streamedBlocks(limited) > 40);
  const reserved = planned({ ...asked, wishes: { reserveBytes: 16 * GiB } });
  assert.ok(reserved.peakBytes <= 8 * GiB && streamedBlocks(reserved) > 40);
  assert.equal(planned({ ...asked, wishes: { spatialTiles: "whole", limitBytes: 23e9 } }).vae.spatialTiles, "whole");
  assert.equal(refused({ ...question({ sizeGiB: 12 }), wishes: { streamedBlocks: 0 } }).fittingPrecision, "int4");
  assert.throws(() => planMemory({ ...asked, wishes: { streamedBlocks: 61 } }), {
    name: "RangeError",
    message: "Cannot stream 61 blocks: the transformer has 60",
  });
});

Deno.test("planMemory() follows the reference in what it decodes whole: above 60 GB", () => {
  const tilesOf = (sizeGiB: number) => planned(question({ sizeGiB })).vae;
  assert.deepEqual(tilesOf(48).tile, { latentFrames: 5, widthPx: 256, heightPx: 256 });
  assert.deepEqual(tilesOf(80).tile, { latentFrames: 5, widthPx: 640, heightPx: 608 });
  const limited = planned({ ...question({ sizeGiB: 80 }), wishes: { limitBytes: 59e9 } });
  assert.equal(limited.vae.spatialTiles, "tiled", "a limit makes a card a smaller card");
});

Deno.test("planMemory() refuses with what is missing and the next size that fits", () => {
  const asked = { ...question({ sizeGiB: 4 }), wishes: { reserveBytes: 0 } };
  const refusal = refused(asked);
  assert.equal(refusal.missingBytes, refusal.neededBytes - refusal.limitBytes);
  assert.ok(refusal.missingBytes > 0);
  assert.equal(refusal.phase satisfies Phase, "decoding");
  planned({ ...asked, work: { section: sectionOf(refusal.fittingSize!) } });
  // It would have been enough with exactly what is missing.
  planned({ ...asked, card: { ...asked.card, freeBytes: asked.card.freeBytes + refusal.missingBytes } });
  refused({ ...asked, card: { ...asked.card, freeBytes: asked.card.freeBytes + refusal.missingBytes - 1 } });
  assert.deepEqual(
    [refused({ ...asked, card: cardOf(1) }).fittingSize, refused({ ...asked, card: cardOf(1) }).fittingPrecision],
    [null, null],
  );
});

Deno.test("planMemory() adds a margin to what is calculated, and a larger one where it is told to", () => {
  const asked = question({ sizeGiB: 12 });
  const [usual, wide] = [planned(asked), planned({ ...asked, margin: 0.5 })];
  assert.deepEqual([usual.margin, wide.margin], [0.15, 0.5]);
  const formulaBytes = decodingWorkingBytes(model.vae.blockChannels, [5, 32, 32]);
  assert.equal(usual.phases.decoding.workingBytes, Math.ceil(formulaBytes * 1.15));
  assert.equal(wide.phases.decoding.workingBytes, Math.ceil(formulaBytes * 1.5));
  assert.ok(streamedBlocks(wide) > streamedBlocks(usual));
});

Deno.test("planMemory() cuts the MLPs of large pictures before it streams, and those of no others", () => {
  const large = { widthPx: 1024, heightPx: 1024 };
  for (const sizeGiB of [6, 8, 12, 16]) {
    const plan = planned(question({ sizeGiB, ...large }));
    assert.equal(plan.mlpChunks, 2, `${sizeGiB} GiB`);
    assert.equal(streamedBlocks(plan), streamedBlocks(planned(question({ sizeGiB }))), "no more than for small ones");
    assert.equal(planned(question({ sizeGiB })).mlpChunks, 1);
  }
  assert.equal(planned(question({ sizeGiB: 24, ...large })).mlpChunks, 1);
});

Deno.test("planMemory() counts streamed weights in main memory when their file has another precision", () => {
  assert.equal(planned(question({ sizeGiB: 8 })).host.packedBytes, 0);
  const packed = planned(question({ sizeGiB: 8, precision: "fp8" }));
  const transformer = { ...model.transformer, bytesPerNumber: 1 };
  const fromFile = planned({ ...question({ sizeGiB: 8, precision: "fp8" }), model: { ...model, transformer } });
  assert.ok(packed.host.packedBytes > 1e9);
  assert.equal(fromFile.host.packedBytes, 0);
});
