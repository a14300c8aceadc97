import assert from "node:assert/strict";
import { join } from "node:path";
import { float8Max } from "./onnx/float8.ts";
import { openCheckpoint, writeSafetensors } from "./onnx/safetensors.ts";
import { bfloat16OfFloat32, float16OfFloat32, float32Tensor, type Tensor } from "./onnx/tensor.ts";
import { planPacking, writePacked } from "./pack_transformer.ts";

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

async function pack(folder: Folder, signal = going): Promise<number[]> {
  const plan = planPacking(await openCheckpoint(join(folder.path, "from.safetensors")));
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

Deno.test("planPacking() refuses what is in 8 bits already", async () => {
  await using folder = await makeFolder({ "transformer_blocks.0.attn.to_q.weight": matrix });
  await pack(folder);
  const checkpoint = await openCheckpoint(join(folder.path, "to.safetensors"));
  assert.throws(() => planPacking(checkpoint), {
    name: "CheckpointError",
    message: /^Cannot pack "transformer_blocks\.0\.attn\.to_q\.weight" of .*: it is in 8 bits already$/,
  });
});

const filesIn = async ({ path }: Folder) => (await Array.fromAsync(Deno.readDir(path))).map(({ name }) => name);
