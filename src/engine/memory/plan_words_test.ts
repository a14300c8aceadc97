import assert from "node:assert/strict";
import type { MemoryPlan, MemoryQuestion, MemoryRefusal } from "./memory_plan.ts";
import { planMemory, sectionOf } from "./plan_memory.ts";
import { planWords, refusalWords } from "./plan_words.ts";
import { publishedSizes } from "./published_sizes.ts";

const size = { widthPx: 640, heightPx: 608 };
const asked = (freeBytes: number, more: Partial<MemoryQuestion> = {}): MemoryQuestion => ({
  card: { totalBytes: freeBytes, freeBytes },
  model: publishedSizes,
  precision: "bf16",
  work: { section: sectionOf(size) },
  ...more,
});
const words = (question: MemoryQuestion) => planWords(planMemory(question) as MemoryPlan).join("\n");

Deno.test("planWords() say how many blocks are streamed, and what is to spare", () => {
  const plan = planMemory(asked(8e9)) as MemoryPlan;
  const [peak, blocks] = planWords(plan);
  assert.equal(
    peak,
    `${
      (plan.peakBytes / 1e9).toFixed(2)
    } of 7.73 GB at most (calculated, with 15 % to spare for what comes and goes), ` +
      "weights of the blocks in bfloat16",
  );
  const { dual, single } = plan;
  assert.equal(
    blocks,
    `${dual.resident.length} dual and ${single.resident.length} single blocks stay on the card; ` +
      `${dual.streamed.length} dual and ${single.streamed.length} single ones are streamed in every step, ` +
      "through two slots of 455 MB",
  );
  assert.match(words(asked(8e9)), /LLaMA is streamed layer by layer for each video; CLIP and SigLIP are loaded/);
});

Deno.test("planWords() of a large card say that everything stays", () => {
  const all = words(asked(80e9));
  assert.match(all, /all 60 blocks stay on the card/);
  assert.match(all, /LLaMA stays on the card; CLIP and SigLIP stay on the card/);
  assert.match(all, /the decoder takes whole pictures, 5 latent frames at once, while the next section is sampled/);
});

Deno.test("planWords() tell packed weights in main memory, chunks, and a margin that is not the usual one", () => {
  assert.match(words(asked(8e9, { precision: "fp8" })), /page-locked buffers and \d\.\d\d GB of packed weights$/);
  const large = { work: { section: sectionOf({ widthPx: 1024, heightPx: 1024 }) } };
  assert.match(words(asked(8e9, large)), /MLPs take their tokens in 2 parts/);
  assert.match(words(asked(8e9, { margin: 0.5 })), /with 50 % to spare .*, since less was not enough\)/);
});

Deno.test("refusalWords() are one sentence with what is missing and what fits", () => {
  const refusal: MemoryRefusal = {
    kind: "refused",
    phase: "decoding",
    neededBytes: 5.12e9,
    limitBytes: 3.901e9,
    missingBytes: 1.219e9,
    fittingSize: { widthPx: 224, heightPx: 208 },
    fittingPrecision: "int4",
  };
  const sentence = "640 × 608 in bfloat16 needs 5.12 GB of VRAM for decoding, of which 1.22 GB are missing " +
    "(3.90 GB may be used); ";
  assert.equal(
    refusalWords(refusal, { ...size, precision: "bf16" }),
    `${sentence}224 × 208 fits, and weights in 4-bit fit`,
  );
  assert.equal(
    refusalWords({ ...refusal, fittingSize: null, fittingPrecision: null }, { ...size, precision: "bf16" }),
    `${sentence}nothing smaller fits either`,
  );
});
