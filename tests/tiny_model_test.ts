import assert from "node:assert/strict";
import { makeTinyModel, tinyWeights, uniform } from "./tiny_model.ts";

Deno.test("uniform() equals the generator the golden models were made with", () => {
  const next = uniform("a");
  const expected = [-0.46793571, -0.68379431, 0.47360994];
  for (const value of expected) assert.ok(Math.abs(next() - value) < 1e-8);
});

Deno.test("tinyWeights() scales by the kind of tensor", () => {
  assert.equal(tinyWeights("a", [2, 12])[0], Math.fround(-0.46793571 / 2));
  const [norm] = tinyWeights("a.weight", [4]);
  assert.ok(norm! > 0.9 && norm! < 1.1);
});

// makeTinyModel() compares every file with the hash of the recorded one.
for (const name of ["tiny-a", "tiny-h128"] as const) {
  Deno.test(`makeTinyModel() ${name} has the recorded weights, bit for bit, and removes them`, async () => {
    const model = await makeTinyModel(name);
    assert.ok((await Deno.stat(`${model.dir}/transformer/config.json`)).isFile);
    await model[Symbol.asyncDispose]();
    await assert.rejects(Deno.stat(model.dir), Deno.errors.NotFound);
  });
}
