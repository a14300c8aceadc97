import assert from "node:assert/strict";
import { openCheckpoint, withWeights, writeSafetensors } from "../onnx/safetensors.ts";
import { bfloat16OfFloat32, float32OfBfloat16, float32Tensor, type Tensor } from "../onnx/tensor.ts";
import { layoutOf } from "./weight_layout.ts";
import { BlockReader, readBlock } from "./weight_reader.ts";

const part = (name: string, ...shape: number[]) => ({ name, shape });
const inputs = [
  { name: "q|k", dtype: "bfloat16", shape: [5, 3], parts: [part("q", 2, 3), part("k", 3, 3)] },
  { name: "norm", dtype: "bfloat16", shape: [3], parts: [part("norm", 3)] },
] as const;

const bfloat16 = (first: number, ...shape: number[]): Tensor<"bfloat16"> => {
  const count = shape.reduce((product, size) => product * size, 1);
  return {
    dtype: "bfloat16",
    shape,
    data: bfloat16OfFloat32(Float32Array.from({ length: count }, (_, at) => first + at)),
  };
};

Deno.test("layoutOf() joins what is stacked, and begins every input where a GPU likes it", () => {
  const { sizeBytes, tensors } = layoutOf(inputs);
  assert.equal(sizeBytes, 256 + 6);
  assert.deepEqual(tensors.map(({ name, offsetBytes, sizeBytes }) => [name, offsetBytes, sizeBytes]), [
    ["q|k", 0, 30],
    ["norm", 256, 6],
  ]);
  assert.deepEqual(tensors[0]!.parts, [
    { name: "q", offsetBytes: 0, sizeBytes: 12 },
    { name: "k", offsetBytes: 12, sizeBytes: 18 },
  ]);
  assert.deepEqual(layoutOf([]), { sizeBytes: 0, tensors: [] });
});

/** `block.3` in two files, `q` in one and the rest in the other, and a second block. */
async function straddling(folder: string) {
  await writeSafetensors(`${folder}/model-1.safetensors`, { "block.3.q": bfloat16(1, 2, 3), odd: bfloat16(9, 1) });
  await writeSafetensors(`${folder}/model-2.safetensors`, {
    "block.3.k": bfloat16(7, 3, 3),
    "block.3.norm": bfloat16(50, 3),
  });
  const weightMap = {
    "block.3.q": "model-1.safetensors",
    odd: "model-1.safetensors",
    "block.3.k": "model-2.safetensors",
    "block.3.norm": "model-2.safetensors",
  };
  await Deno.writeTextFile(`${folder}/model.safetensors.index.json`, JSON.stringify({ "weight_map": weightMap }));
  return await openCheckpoint(folder);
}

const numbersOf = (bytes: Uint8Array<ArrayBuffer>, offset: number, count: number) => [
  ...float32OfBfloat16(new Uint16Array(bytes.buffer, offset, count)),
];

Deno.test("readBlock() puts a block together whose weights lie in two files", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const checkpoint = await straddling(folder);
    const layout = layoutOf(inputs);
    const into = new Uint8Array(300).fill(0xee);
    await readBlock(checkpoint, { path: "block.3", layout }, into);
    assert.deepEqual(numbersOf(into, 0, 15), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);
    assert.deepEqual(numbersOf(into, 256, 3), [50, 51, 52]);
    assert.ok(into.subarray(layout.sizeBytes).every((byte) => byte === 0xee), "nothing is written behind it");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("readBlock() rounds weights that are stored otherwise, as merged ones are", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const base = await straddling(folder);
    const merged = withWeights(
      base,
      new Map([["block.3.norm", { shape: [3], data: Float32Array.of(1.001, -2, 3.3) }]]),
    );
    const into = new Uint8Array(262);
    await readBlock(merged, { path: "block.3", layout: layoutOf(inputs) }, into);
    assert.deepEqual(numbersOf(into, 256, 3), [1, -2, 3.296875]);
    assert.deepEqual(numbersOf(into, 0, 2), [1, 2]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("readBlock() names what is missing, of another size, or cut off, and stops", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const checkpoint = await straddling(folder);
    const layout = layoutOf(inputs);
    const into = new Uint8Array(262);
    await assert.rejects(readBlock(checkpoint, { path: "block.4", layout }, into), {
      name: "CheckpointError",
      message: /"block\.4\.(q|k|norm)"/,
    });
    const narrow = layoutOf([{ ...inputs[1], shape: [2], parts: [part("norm", 2)] }]);
    await assert.rejects(readBlock(checkpoint, { path: "block.3", layout: narrow }, into), {
      message: 'Cannot read "block.3.norm": it has 6 bytes, expected 4',
    });
    const reason = new Error("enough");
    await assert.rejects(readBlock(checkpoint, { path: "block.3", layout }, into, AbortSignal.abort(reason)), reason);
    await Deno.truncate(`${folder}/model-1.safetensors`, 100);
    await assert.rejects(readBlock(checkpoint, { path: "block.3", layout }, into), {
      name: "CheckpointError",
      message: /model-1\.safetensors ends inside tensor "block\.3\.q"/,
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("float32 weights fill a float32 layout as they are", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await writeSafetensors(`${folder}/model.safetensors`, { "b.w": float32Tensor([2], Float32Array.of(0.1, 0.2)) });
    const layout = layoutOf([{ name: "w", dtype: "float32", shape: [2], parts: [part("w", 2)] }]);
    const into = new Uint8Array(8);
    await readBlock(await openCheckpoint(folder), { path: "b", layout }, into);
    assert.deepEqual(new Float32Array(into.buffer), Float32Array.of(0.1, 0.2));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a BlockReader names a NaN among 8-bit numbers, and looks at a block once", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const file = `${folder}/model.safetensors`;
    const write = (byte: number) =>
      writeSafetensors(file, {
        "block.0.q": { dtype: "float8e4m3fn", shape: [2, 3], data: Uint8Array.of(1, 2, 3, 4, 5, byte) },
      });
    await write(0x7f);
    const layout = layoutOf([{ name: "q", dtype: "float8e4m3fn", shape: [2, 3], parts: [part("q", 2, 3)] }]);
    const [block, into] = [{ path: "block.0", layout }, new Uint8Array(6)];
    const reader = new BlockReader(await openCheckpoint(file));
    await assert.rejects(reader.read(block, into), {
      name: "CheckpointError",
      message: /^Cannot use "block\.0\.q" of .*model\.safetensors: some of its 8-bit numbers are NaN$/,
    });
    await write(6);
    await reader.read(block, into);
    assert.deepEqual([...into], [1, 2, 3, 4, 5, 6]);
    await write(0xff);
    await reader.read(block, into);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
