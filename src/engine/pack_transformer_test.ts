import assert from "node:assert/strict";
import { join } from "node:path";
import { float8Max } from "./onnx/float8.ts";
import { float32OfInt4, int4OfFloat32 } from "./onnx/int4.ts";
import { openCheckpoint, writeSafetensors } from "./onnx/safetensors.ts";
import { bfloat16OfFloat32, float16OfFloat32, float32Tensor, type Tensor } from "./onnx/tensor.ts";
import { type PackedBits, planPacking, writePacked } from "./pack_transformer.ts";

interface Folder extends AsyncDisposable {
  readonly path: string;
}

async function makeFolder(tensors: Record<string, Tensor>): Promise<Folder> {
  const path = await Deno.realPath(await Deno.makeTempDir());
  await writeSafetensors(join(path, "from.safetensors"), tensors, { "made by": "a test" });
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

const going = new AbortController().signal;
const numbers = Float32Array.from({ length: 40 * 24 }, (_, i) => Math.sin(i * i) * 0.02 * (1 + i % 7));
const matrix = float32Tensor([40, 24], numbers);
const asHalf = (dtype: "bfloat16" | "float16"): Tensor => ({
  ...{ dtype, shape: [40, 24] },
  data: dtype === "bfloat16" ? bfloat16OfFloat32(numbers) : float16OfFloat32(numbers),
});

async function pack(folder: Folder, signal = going, bits: PackedBits = 8): Promise<number[]> {
  const plan = planPacking(await openCheckpoint(join(folder.path, "from.safetensors")), bits);
  const there = await Array.fromAsync(writePacked(plan, join(folder.path, "to.safetensors"), signal));
  assert.equal(there.at(-1), plan.sizeBytes);
  assert.equal((await Deno.stat(join(folder.path, "to.safetensors"))).size, plan.sizeBytes);
  return there;
}

for (
  const [dtype, tensor] of [
    ["float32", matrix],
    ...(["bfloat16", "float16"] as const).map((d) => [d, asHalf(d)] as const),
  ] as const
) {
  Deno.test(`a matrix in ${dtype} is packed to the nearest of the 8-bit numbers times its scale`, async () => {
    await using folder = await makeFolder({ "transformer_blocks.0.ff.net.2.weight": tensor });
    await pack(folder);
    const [from, to] = await Promise.all(
      ["from", "to"].map((name) => openCheckpoint(join(folder.path, `${name}.safetensors`))),
    );
    const name = "transformer_blocks.0.ff.net.2.weight";
    const [before, after] = [await from!.readFloat32(name), await to!.readFloat32(name)];
    const largest = before.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const { dtype: stored, scale } = to!.get(name);
    assert.deepEqual([stored, scale], ["float8e4m3fn", Math.fround(largest / float8Max)]);
    for (const [i, value] of before.entries()) {
      // Half a unit of three bits of mantissa, or of the smallest number.
      const unit = Math.max(Math.abs(value) / 16, 2 ** -10 * scale!);
      assert.ok(Math.abs(after[i]! - value) <= unit * 1.0001, `${value} became ${after[i]}`);
    }
  });
}

Deno.test("all else stays as it is: vectors, embedders, modulation layers, and what the file says of itself", async () => {
  const kept = {
    "x_embedder.proj.weight": asHalf("bfloat16"),
    "transformer_blocks.0.norm1.linear.weight": asHalf("bfloat16"),
    "transformer_blocks.0.norm1_context.linear.weight": asHalf("bfloat16"),
    "single_transformer_blocks.3.norm.linear.weight": asHalf("float16"),
    "single_transformer_blocks.3.proj_mlp.bias": float32Tensor([3], Float32Array.of(1, 2, 3)),
    "single_transformer_blocks.3.attn.norm_q.weight": float32Tensor([2], Float32Array.of(4, 5)),
  };
  const packed = ["transformer_blocks.0.attn.to_q.weight", "single_transformer_blocks.3.proj_mlp.weight"];
  const zeros = float32Tensor([2, 3], new Float32Array(6));
  await using folder = await makeFolder({ ...kept, [packed[0]!]: zeros, [packed[1]!]: matrix });
  await pack(folder);
  const [from, to] = await Promise.all(
    ["from", "to"].map((name) => openCheckpoint(join(folder.path, `${name}.safetensors`))),
  );
  assert.deepEqual(to!.names().toSorted(), [...Object.keys(kept), ...packed].toSorted());
  assert.deepEqual(to!.metadata, { "made by": "a test", format: "pt" });
  for (const [name, { dtype, shape }] of Object.entries(kept)) {
    const weight = to!.get(name);
    assert.deepEqual([weight.dtype, weight.shape], [dtype, shape]);
    assert.deepEqual(await to!.readFloat32(name), await from!.readFloat32(name));
  }
  for (const name of packed) assert.equal(to!.get(name).dtype, "float8e4m3fn");
  assert.deepEqual(await to!.readFloat32(packed[0]!), new Float32Array(6), "nothing is divided by nothing");
});

Deno.test("a number that is none is named with its tensor, and leaves no file; neither does a stop", async () => {
  const name = "transformer_blocks.0.attn.to_q.weight";
  for (
    const [dtype, number] of [["float32", NaN], ["float32", -Infinity], ["bfloat16", NaN], [
      "float16",
      Infinity,
    ]] as const
  ) {
    const data = Float32Array.of(1, number, 3, 4);
    const tensor: Tensor = dtype === "float32"
      ? float32Tensor([2, 2], data)
      : { dtype, shape: [2, 2], data: dtype === "bfloat16" ? bfloat16OfFloat32(data) : float16OfFloat32(data) };
    await using folder = await makeFolder({ [name]: tensor });
    await assert.rejects(pack(folder), {
      name: "CheckpointError",
      message: `Cannot pack "${name}" of ${folder.path}/from.safetensors: it holds ${Math.abs(number)}`,
    });
    assert.deepEqual(await filesIn(folder), ["from.safetensors"]);
  }
  await using folder = await makeFolder({ [name]: matrix, "x_embedder.proj.weight": matrix });
  await assert.rejects(pack(folder, AbortSignal.abort(new Error("enough"))), { message: "enough" });
  assert.deepEqual(await filesIn(folder), ["from.safetensors"]);
});

Deno.test("a matrix is packed into 4 bits, block by block; all else stays as it is", async () => {
  const [name, kept] = ["transformer_blocks.0.ff.net.2.weight", "transformer_blocks.0.norm1.linear.weight"];
  const values = Float32Array.from({ length: 3 * 64 }, (_, i) => Math.sin(i * i));
  for (const dtype of ["bfloat16", "float32"] as const) {
    const wide: Tensor = dtype === "float32"
      ? float32Tensor([3, 64], values)
      : { dtype, shape: [3, 64], data: bfloat16OfFloat32(values) };
    await using folder = await makeFolder({ [name]: wide, [kept]: wide });
    await pack(folder, going, 4);
    const [from, to] = await Promise.all(
      ["from", "to"].map((file) => openCheckpoint(join(folder.path, `${file}.safetensors`))),
    );
    assert.deepEqual([to!.get(name).dtype, to!.get(kept).dtype], ["int4", dtype]);
    const { numbers, scales } = int4OfFloat32(await from!.readFloat32(name))!;
    assert.deepEqual(await to!.readFloat32(name), float32OfInt4(numbers, scales));
    assert.deepEqual(await to!.readFloat32(kept), await from!.readFloat32(kept));
  }
});

Deno.test("what cannot be in 4 bits is named, and leaves no file", async () => {
  const name = "transformer_blocks.0.attn.to_q.weight";
  await using narrow = await makeFolder({ [name]: matrix });
  await assert.rejects(pack(narrow, going, 4), {
    name: "CheckpointError",
    message: /: its rows have 24 numbers, which are no whole blocks of 32$/,
  });
  await using none = await makeFolder({ [name]: float32Tensor([1, 32], new Float32Array(32).fill(NaN)) });
  await assert.rejects(pack(none, going, 4), { message: /: some of its numbers are NaN or infinite$/ });
  for (const folder of [narrow, none]) assert.deepEqual(await filesIn(folder), ["from.safetensors"]);
});

for (const bits of [8, 4] as const) {
  Deno.test(`planPacking() refuses what is in ${bits} bits already`, async () => {
    const [name, shape] = ["transformer_blocks.0.attn.to_q.weight", [2, 32]];
    await using folder = await makeFolder({ [name]: float32Tensor(shape, new Float32Array(64).fill(1)) });
    await pack(folder, going, bits);
    const checkpoint = await openCheckpoint(join(folder.path, "to.safetensors"));
    for (const again of [8, 4] as const) {
      assert.throws(() => planPacking(checkpoint, again), {
        name: "CheckpointError",
        message: new RegExp(
          `^Cannot pack "transformer_blocks\\.0\\.attn\\.to_q\\.weight" of .*: it is in ${bits} bits already$`,
        ),
      });
    }
  });
}

const filesIn = async ({ path }: Folder) => (await Array.fromAsync(Deno.readDir(path))).map(({ name }) => name);
