import assert from "node:assert/strict";
import { join } from "node:path";
import { readGoldenCase } from "./golden_case.ts";
import { runParity } from "./mod.ts";

/** A golden folder with one case in it. */
async function goldenFolder(record: Record<string, unknown>, header: Record<string, unknown>, data: Uint8Array) {
  const dir = await Deno.makeTempDir();
  await Deno.mkdir(join(dir, "cases", "c"), { recursive: true });
  const text = new TextEncoder().encode(JSON.stringify(header));
  const file = new Uint8Array(8 + text.length + data.length);
  new DataView(file.buffer).setBigUint64(0, BigInt(text.length), true);
  file.set(text, 8);
  file.set(data, 8 + text.length);
  await Deno.writeFile(join(dir, "cases", "c", "one.safetensors"), file);
  await Deno.writeTextFile(join(dir, "cases", "c", "one.json"), JSON.stringify({ component: "c", ...record }));
  return { dir, [Symbol.asyncDispose]: () => Deno.remove(dir, { recursive: true }) };
}

const header = {
  "in.ids": { dtype: "I32", shape: [2], "data_offsets": [4, 12] },
  "out.x": { dtype: "F32", shape: [1, 1], "data_offsets": [0, 4] },
};
const data = new Uint8Array(Int32Array.of(0x3f800000, 7, -8).buffer);

Deno.test("readGoldenCase() reads inputs, outputs with their tolerances, and where the model is", async () => {
  const tolerance = { atol: 1e-6, rtol: 0 };
  const record = { model: "tiny", params: { steps: 2 }, tolerance: { "out.x": tolerance } };
  await using golden = await goldenFolder(record, header, data);
  assert.deepEqual(await readGoldenCase(join(golden.dir, "cases/c/one.json"), "/models"), {
    component: "c",
    name: "one",
    modelDir: "/models/tiny",
    params: { steps: 2 },
    inputs: { ids: { shape: [2], data: Int32Array.of(7, -8) } },
    outputs: { x: { tensor: { shape: [1, 1], data: Float32Array.of(1) }, tolerance } },
    expect: {},
  });
});

Deno.test("runParity() lets a case fail that cannot be read, and goes on", async () => {
  await using golden = await goldenFolder({ model: null, params: {}, tolerance: {} }, header, data);
  const results = await Array.fromAsync(runParity(golden.dir));
  assert.equal(results.length, 1);
  const [{ component, name, problems }] = results as [typeof results[0]];
  assert.deepEqual([component, name], ["c", "one"]);
  assert.match(problems[0]!, /"out.x" has no tolerance$/);
});

Deno.test("runParity() fails a component that nothing computes", async () => {
  const record = { model: null, params: {}, tolerance: { "out.x": { atol: 1, rtol: 0 } } };
  await using golden = await goldenFolder(record, header, data);
  const [result] = await Array.fromAsync(runParity(golden.dir));
  assert.deepEqual(result!.problems, ['RangeError: Nothing here computes the component "c"']);
});
