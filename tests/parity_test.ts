/**
 * Every component against recorded outputs of the published code: one test per case of `tests/golden`.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { type GoldenCase, goldenCaseFiles, readGoldenCase, runCase } from "../src/engine/parity/mod.ts";
import { goldenDir, writeTinyModel } from "./tiny_model.ts";

const modelsDir = await Deno.makeTempDir({ prefix: "framecast-models-" });
const cases: GoldenCase[] = await Array.fromAsync(
  goldenCaseFiles(goldenDir),
  (file) => readGoldenCase(file, modelsDir),
);

Deno.test.beforeAll(async () => {
  for (const name of ["tiny-a", "tiny-h128"] as const) await writeTinyModel(name, join(modelsDir, name));
});
Deno.test.afterAll(() => Deno.remove(modelsDir, { recursive: true }));

for (const golden of cases) {
  Deno.test(`parity of ${golden.component}/${golden.name}`, async () => {
    const { problems } = await runCase(golden);
    assert.deepEqual(problems, []);
  });
}

Deno.test("the golden cases cover every component and both schedules", () => {
  assert.deepEqual([...new Set(cases.map(({ component }) => component))], [
    "bf16",
    "buckets",
    "cfg",
    "generation",
    "image_encoder",
    "lora",
    "noise",
    "preview",
    "resize_center_crop",
    "section_plan",
    "sigmas",
    "soft_append",
    "teacache",
    "text_encoder",
    "text_encoder_2",
    "tokenizers",
    "transformer",
    "unipc",
    "vae_decode",
    "vae_encode",
  ]);
  for (const component of ["section_plan", "soft_append", "generation"]) {
    const schedules = cases.filter((golden) => golden.component === component).map(({ params }) => params["schedule"]);
    assert.ok(schedules.includes("original") && schedules.includes("f1"), component);
  }
});

Deno.test("a component that nothing computes fails", async () => {
  const { problems } = await runCase({ ...cases[0]!, component: "unheard_of" });
  assert.deepEqual(problems, ['RangeError: Nothing here computes the component "unheard_of"']);
});
