import assert from "node:assert/strict";
import type { MemoryQuestion } from "./memory_plan.ts";
import { type AnsweredQuestion, planHolds, streamedBlocks } from "./plan_holds.ts";
import { planMemory, sectionOf } from "./plan_memory.ts";
import { publishedSizes as model } from "./published_sizes.ts";

const workOf = (widthPx: number, heightPx: number) => ({ section: sectionOf({ widthPx, heightPx }) });

function answered(sizeGiB: number, work: MemoryQuestion["work"]): AnsweredQuestion {
  const question = { card: { totalBytes: sizeGiB * 2 ** 30, freeBytes: sizeGiB * 2 ** 30 }, model, work } as const;
  const plan = planMemory({ ...question, precision: "bf16" });
  assert.equal(plan.kind, "planned");
  return { question: { ...question, precision: "bf16" }, plan: plan as AnsweredQuestion["plan"] };
}

Deno.test("planHolds() for the work it was made for, on every card", () => {
  for (const sizeGiB of [6, 8, 12, 16, 24, 48, 80]) {
    const work = workOf(640, 608);
    assert.ok(planHolds(answered(sizeGiB, work), work), `${sizeGiB} GiB`);
  }
});

Deno.test("planHolds() for a smaller size where nothing more could stay, and for no larger one than its arena takes", () => {
  const large = answered(48, workOf(640, 608));
  assert.equal(streamedBlocks(large.plan), 0);
  assert.ok(planHolds(large, workOf(320, 576)));
  const small = answered(80, workOf(320, 576));
  assert.equal(planHolds(small, workOf(640, 608)), false, "its arena was taken for less");
  assert.equal(planHolds(large, workOf(2048, 2048)), false);
});

Deno.test("planHolds() not where a plan of its own would stream fewer blocks", () => {
  const crowded = answered(12, workOf(1536, 1536));
  const roomy = answered(12, workOf(320, 576));
  assert.ok(streamedBlocks(roomy.plan) < streamedBlocks(crowded.plan));
  assert.equal(planHolds(crowded, workOf(320, 576)), false);
});

Deno.test("planHolds() only with the tiles that the work would get anyway", () => {
  const made = answered(80, workOf(640, 608));
  assert.ok(planHolds(made, workOf(608, 640)));
  const otherTiles = { ...made, plan: { ...made.plan, vae: { ...made.plan.vae, spatialTiles: "tiled" } } } as const;
  assert.equal(planHolds(otherTiles, workOf(640, 608)), false);
});

Deno.test("planHolds() while more steps or adapters stay below the limit, and not above it", () => {
  const made = answered(48, workOf(640, 608));
  const room = made.plan.limitBytes - made.plan.peakBytes;
  assert.ok(planHolds(made, { ...workOf(640, 608), adapterBytes: room }));
  assert.equal(planHolds(made, { ...workOf(640, 608), adapterBytes: room + 1 }), false);
});
