import assert from "node:assert/strict";
import { join } from "node:path";
import { float8OfFloat32 } from "./float8.ts";
import { requireFloat8Numbers } from "./float8_weights.ts";
import { type Checkpoint, openCheckpoint, writeSafetensors } from "./safetensors.ts";
import { float32Tensor, type Tensor } from "./tensor.ts";

const packed = (...numbers: number[]): Tensor<"float8e4m3fn"> => ({
  dtype: "float8e4m3fn",
  shape: [1, numbers.length],
  data: float8OfFloat32(Float32Array.from(numbers)),
});
const one = (value: number, shape: readonly number[] = []) => float32Tensor(shape, Float32Array.of(value));

/** What a file of these tensors is to a reader. */
async function written<T>(
  tensors: Readonly<Record<string, Tensor>>,
  read: (checkpoint: Checkpoint) => T | Promise<T>,
): Promise<T> {
  const folder = await Deno.makeTempDir();
  try {
    await writeSafetensors(join(folder, "model.safetensors"), tensors);
    return await read(await openCheckpoint(folder));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const refused = (tensors: Readonly<Record<string, Tensor>>, message: RegExp) =>
  assert.rejects(written(tensors, requireFloat8Numbers), { name: "CheckpointError", message });

Deno.test("8-bit weights without scales are the numbers that they are", async () => {
  await written({ "a.weight": packed(1.5, -448, 0), "a.bias": one(0.1) }, async (checkpoint) => {
    assert.deepEqual(checkpoint.get("a.weight").dtype, "float8e4m3fn");
    assert.ok(!("scale" in checkpoint.get("a.weight")));
    assert.deepEqual([...await checkpoint.readFloat32("a.weight")], [1.5, -448, 0]);
  });
});

Deno.test("a scale goes with its weight under either name, and is no tensor of its own", async () => {
  const tensors = {
    "scaled_fp8": packed(0),
    "a.weight": packed(1.5, -2),
    "a.scale_weight": one(0.25),
    "b.weight": packed(3),
    "b.weight_scale": one(2, [1]),
    "c.bias": packed(4),
    "d.weight": one(5),
    "d.weight_scale": one(6),
  };
  await written(tensors, async (checkpoint) => {
    assert.deepEqual(checkpoint.names(), ["a.weight", "b.weight", "c.bias", "d.weight", "d.weight_scale"]);
    assert.equal(checkpoint.has("a.scale_weight"), false);
    assert.deepEqual(checkpoint.names().map((name) => checkpoint.get(name).scale), [
      0.25,
      2,
      ...[undefined, undefined, undefined],
    ]);
    const numbers = async (name: string) => [...await checkpoint.readFloat32(name)];
    assert.deepEqual([await numbers("a.weight"), await numbers("b.weight")], [[0.375, -0.5], [6]]);
    assert.deepEqual([await numbers("c.bias"), await numbers("d.weight")], [[4], [5]]);
  });
});

Deno.test("openCheckpoint() refuses a scale that is none, and a weight whose scale is missing", async () => {
  const weight = { "a.weight": packed(1) };
  const scale = (tensor: Tensor) => ({ ...weight, "a.scale_weight": tensor });
  await refused(scale(one(1, [1, 1])), /scale "a\.scale_weight" of .*: it is F32 \[1, 1\], expected one F32 number$/);
  await refused(scale(float32Tensor([2], Float32Array.of(1, 2))), /it is F32 \[2\], expected one F32 number$/);
  await refused(scale({ dtype: "bfloat16", shape: [], data: Uint16Array.of(1) }), /it is BF16 \[\], expected one F32/);
  for (const value of [NaN, 0, -1, Infinity]) {
    await refused(scale(one(value)), new RegExp(`it is ${value}, expected a number above 0$`));
  }
  const missing = /Cannot use "b\.weight" of .*: it is stored in 8 bits and has no "b\.scale_weight", but/;
  await refused({ ...scale(one(1)), "b.weight": packed(1) }, missing);
  await refused({ "scaled_fp8": packed(0), "b.weight": packed(1) }, missing);
});

Deno.test("a NaN among 8-bit weights is found before anything is computed, and when one is read", async () => {
  const message = /^Cannot use "b\.weight" of .*model\.safetensors: some of its 8-bit numbers are NaN$/;
  const tensors = { "a.weight": packed(1), "b.weight": packed(2, NaN), "c.weight": packed(NaN) };
  await refused(tensors, message);
  await assert.rejects(written(tensors, (checkpoint) => checkpoint.readFloat32("b.weight")), { message });
  await written({ "a.weight": packed(1, 448) }, requireFloat8Numbers);
});
