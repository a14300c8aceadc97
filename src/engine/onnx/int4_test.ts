import assert from "node:assert/strict";
import { join } from "node:path";
import { blockScalesName, fitsInt4, float32OfInt4, int4Block, int4OfFloat32 } from "./int4.ts";
import { openCheckpoint, readWeightRows, writeSafetensors } from "./safetensors.ts";
import { bfloat16OfFloat32, float32OfBfloat16, float32Tensor, type Tensor } from "./tensor.ts";

const waves = (count: number) => Float32Array.from({ length: count }, (_, i) => Math.sin(i * i) * (1 + i % 7));

Deno.test("int4OfFloat32() keeps whole multiples of a scale exactly, the lower half of a byte first", () => {
  const whole = Float32Array.from({ length: int4Block }, (_, i) => 0.5 * (i % 16 - 8));
  const { numbers, scales } = int4OfFloat32(whole)!;
  assert.deepEqual([...numbers.subarray(0, 3)], [0x10, 0x32, 0x54]);
  assert.deepEqual([...float32OfBfloat16(scales)], [0.5]);
  assert.deepEqual(float32OfInt4(numbers, scales), whole);
});

Deno.test("int4OfFloat32() uses −8 for the number farthest from 0, whatever its sign", () => {
  for (const sign of [1, -1]) {
    const values = new Float32Array(int4Block).fill(0.25 * sign);
    values[5] = 2 * sign;
    const { numbers, scales } = int4OfFloat32(values)!;
    assert.equal(numbers[2]! >> 4, 0);
    assert.equal(Math.sign(float32OfBfloat16(scales)[0]!), -sign);
  }
});

Deno.test("int4OfFloat32() keeps every number within a little more than half a step of its block", () => {
  const values = waves(40 * int4Block);
  const { numbers, scales } = int4OfFloat32(values)!;
  const kept = float32OfInt4(numbers, scales);
  const steps = float32OfBfloat16(scales);
  let [away, size] = [0, 0];
  for (const [i, value] of values.entries()) {
    // +8 steps are none of the sixteen: the number opposite to the farthest may lose a whole one.
    assert.ok(Math.abs(kept[i]! - value) <= 1.1 * Math.abs(steps[Math.floor(i / int4Block)]!), `${value}: ${kept[i]}`);
    away += (kept[i]! - value) ** 2;
    size += value ** 2;
  }
  assert.ok(Math.sqrt(away / size) < 0.08, `${Math.sqrt(away / size)}`);
});

Deno.test("int4OfFloat32() keeps a block of zeros, and refuses what is no number", () => {
  const { numbers, scales } = int4OfFloat32(new Float32Array(int4Block))!;
  assert.deepEqual(float32OfInt4(numbers, scales), new Float32Array(int4Block));
  for (const wrong of [NaN, Infinity, -Infinity]) {
    const values = new Float32Array(2 * int4Block);
    values[40] = wrong;
    assert.equal(int4OfFloat32(values), undefined);
  }
});

Deno.test("fitsInt4() wants a matrix whose rows are whole blocks", () => {
  assert.deepEqual([[3, 64], [3, 48], [64], [2, 32, 1], [4, 0]].map(fitsInt4), [true, false, false, false, false]);
});

const rows = 3;
const packed = int4OfFloat32(waves(rows * 64))!;
const numbersTensor: Tensor = { dtype: "uint8", shape: [rows, 32], data: packed.numbers };
const scalesTensor: Tensor = { dtype: "bfloat16", shape: [rows, 2], data: packed.scales };

async function inFile<T>(tensors: Record<string, Tensor>, use: (file: string) => Promise<T>): Promise<T> {
  const folder = await Deno.realPath(await Deno.makeTempDir());
  try {
    const file = join(folder, "model.safetensors");
    await writeSafetensors(file, tensors);
    return await use(file);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("a checkpoint gives a matrix in 4 bits its own shape, and its scales no name", async () => {
  await inFile({ "a.weight": numbersTensor, "a.block_scales": scalesTensor }, async (file) => {
    const checkpoint = await openCheckpoint(file);
    assert.deepEqual(checkpoint.names(), ["a.weight"]);
    const { dtype, shape, blockScales } = checkpoint.get("a.weight");
    assert.deepEqual([dtype, shape, blockScales!.dtype, blockScales!.shape], ["int4", [rows, 64], "bfloat16", [
      rows,
      2,
    ]]);
    assert.deepEqual(await checkpoint.readFloat32("a.weight"), float32OfInt4(packed.numbers, packed.scales));
    await assert.rejects(readWeightRows(checkpoint.get("a.weight"), [0]), /without its blocks' scales/);
  });
});

Deno.test("what lies beside a matrix in 4 bits has to be its scales", async () => {
  const name = blockScalesName("a.weight");
  const opened = (scales: Record<string, Tensor>) =>
    inFile({ "a.weight": numbersTensor, ...scales }, async (file) => void await openCheckpoint(file));
  await assert.rejects(opened({}), {
    name: "CheckpointError",
    message: /^Cannot use "a\.weight" of .*: it is stored as U8, in 4 bits, and has no "a\.block_scales"$/,
  });
  await assert.rejects(opened({ [name]: float32Tensor([rows, 2], new Float32Array(6)) }), {
    message: /^Cannot use "a\.block_scales" of .*: it is F32 \[3, 2\], expected BF16 \[3, 2\]$/,
  });
  await assert.rejects(
    opened({ [name]: { dtype: "bfloat16", shape: [rows, 1], data: bfloat16OfFloat32(new Float32Array(3)) } }),
    { message: /: it is BF16 \[3, 1\], expected BF16 \[3, 2\]$/ },
  );
});
