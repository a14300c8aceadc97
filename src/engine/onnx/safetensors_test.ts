import assert from "node:assert/strict";
import { join } from "node:path";
import { openCheckpoint, readWeightRows, withWeights, writeSafetensors } from "./safetensors.ts";
import { float32Tensor, type Tensor } from "./tensor.ts";

interface Folder extends AsyncDisposable {
  readonly path: string;
}

async function makeFolder(): Promise<Folder> {
  const path = await Deno.realPath(await Deno.makeTempDir());
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

const tensors: Record<string, Tensor> = {
  "block.0.weight": float32Tensor([2, 3], Float32Array.of(1, 2, 3, 4, 5, 6)),
  "block.0.bias": { dtype: "bfloat16", shape: [2], data: Uint16Array.of(0x3f80, 0xbf80) },
  "ids": { dtype: "int64", shape: [1], data: BigInt64Array.of(7n) },
};

/** A file whose header is given as it is. */
async function writeRaw(file: string, header: unknown, dataBytes: number, claimedHeaderBytes?: bigint): Promise<void> {
  const json = new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + json.length + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, claimedHeaderBytes ?? BigInt(json.length), true);
  bytes.set(json, 8);
  await Deno.writeFile(file, bytes);
}

const f32 = (shape: number[], start: number, end: number) => ({ dtype: "F32", shape, "data_offsets": [start, end] });

async function refusal(header: unknown, dataBytes: number, claimedHeaderBytes?: bigint): Promise<string> {
  await using folder = await makeFolder();
  const file = join(folder.path, "model.safetensors");
  await writeRaw(file, header, dataBytes, claimedHeaderBytes);
  const error = await openCheckpoint(file).then(() => undefined, (error) => error);
  assert.equal(error?.name, "CheckpointError");
  assert.ok(error.message.includes(file), error.message);
  return error.message;
}

Deno.test("openCheckpoint() finds tensors where writeSafetensors() put them", async () => {
  await using folder = await makeFolder();
  const file = join(folder.path, "model.safetensors");
  await writeSafetensors(file, tensors, { format: "pt" });
  const checkpoint = await openCheckpoint(folder.path);
  assert.deepEqual(checkpoint.names(), Object.keys(tensors));
  assert.deepEqual(checkpoint.metadata, { format: "pt" });
  const { dtype, shape, source } = checkpoint.get("block.0.bias");
  assert.deepEqual([dtype, shape], ["bfloat16", [2]]);
  assert.ok("file" in source && source.file === file && source.lengthBytes === 4);
  const bytes = (await Deno.readFile(file)).subarray(source.offsetBytes, source.offsetBytes + source.lengthBytes);
  assert.deepEqual([...bytes], [0x80, 0x3f, 0x80, 0xbf]);
  assert.deepEqual(await checkpoint.readFloat32("block.0.bias"), Float32Array.of(1, -1));
  assert.deepEqual(await checkpoint.readFloat32("block.0.weight"), tensors["block.0.weight"]!.data);
});

Deno.test("openCheckpoint() follows links to the real file, as Hugging Face's cache has them", async () => {
  const folder = join(import.meta.dirname!, "../../../tests/linked_checkpoint");
  const checkpoint = await openCheckpoint(join(folder, "snapshot"));
  const { source } = checkpoint.get("weight");
  assert.ok("file" in source && source.file === await Deno.realPath(join(folder, "blob")));
  assert.deepEqual(await checkpoint.readFloat32("weight"), Float32Array.of(1, 2));
});

async function writeShards(folder: string, weightMap: unknown): Promise<void> {
  const [weight, bias, ids] = Object.entries(tensors) as [[string, Tensor], [string, Tensor], [string, Tensor]];
  await writeSafetensors(join(folder, "model-00001-of-00002.safetensors"), Object.fromEntries([weight]));
  await writeSafetensors(join(folder, "model-00002-of-00002.safetensors"), Object.fromEntries([bias, ids]));
  await Deno.writeTextFile(join(folder, "model.safetensors.index.json"), JSON.stringify({ "weight_map": weightMap }));
}

Deno.test("openCheckpoint() reads shards through their index", async () => {
  await using folder = await makeFolder();
  await writeShards(folder.path, {
    "block.0.weight": "model-00001-of-00002.safetensors",
    "block.0.bias": "model-00002-of-00002.safetensors",
  });
  const checkpoint = await openCheckpoint(folder.path);
  assert.deepEqual(checkpoint.names(), ["block.0.weight", "block.0.bias"]);
  assert.deepEqual(await checkpoint.readFloat32("block.0.bias"), Float32Array.of(1, -1));
});

Deno.test("openCheckpoint() names what an index promises and the shards do not hold", async () => {
  await using folder = await makeFolder();
  const refused = async (weightMap: unknown, message: RegExp) => {
    await writeShards(folder.path, weightMap);
    await assert.rejects(openCheckpoint(folder.path), { name: "CheckpointError", message });
  };
  await refused({ a: "model-00003-of-00002.safetensors" }, /shard "model-00003-of-00002.safetensors".*does not exist/);
  await refused({ a: "model-00001-of-00002.safetensors" }, /places "a" in "model-00001.*does not hold it/);
  await refused({ a: "../model.safetensors" }, /outside its folder/);
  await refused({ a: 3 }, /no "weight_map" from tensor names to file names/);
});

Deno.test("openCheckpoint() says what a folder lacks or which of several it cannot choose", async () => {
  await using folder = await makeFolder();
  await assert.rejects(openCheckpoint(folder.path), { name: "CheckpointError", message: /no \*\.safetensors file/ });
  await assert.rejects(openCheckpoint(join(folder.path, "x")), { name: "CheckpointError", message: /does not exist/ });
  for (const name of ["a", "b"]) await writeSafetensors(join(folder.path, `${name}.safetensors`), tensors);
  await assert.rejects(openCheckpoint(folder.path), { message: /has a\.safetensors, b\.safetensors/ });
  await writeSafetensors(join(folder.path, "model.safetensors"), {});
  assert.deepEqual((await openCheckpoint(folder.path)).names(), []);
});

Deno.test("openCheckpoint() refuses a header that is no header", async () => {
  assert.match(await refusal("", 0, 2n ** 63n), /header of 9223372036854775808 bytes and has 8 in all/);
  assert.match(await refusal("{}", 0, 3n), /header of 3 bytes and has 10 in all/);
  assert.match(await refusal('{"a":', 0), /is no JSON: /);
  assert.match(await refusal("[1]", 0), /is no JSON object/);
  await using folder = await makeFolder();
  await Deno.writeFile(join(folder.path, "model.safetensors"), new Uint8Array(5));
  await assert.rejects(openCheckpoint(folder.path), { message: /it has 5 bytes/ });
});

Deno.test("openCheckpoint() refuses a description that cannot be true", async () => {
  assert.match(await refusal({ a: 3 }, 4), /"a" has no description/);
  assert.match(await refusal({ a: { ...f32([1], 0, 4), dtype: "F33" } }, 4), /"a" has the unknown dtype "F33"/);
  assert.match(await refusal({ a: f32([-1], 0, 4) }, 4), /"a" has the shape \[-1\]/);
  assert.match(await refusal({ a: { ...f32([1], 0, 4), "data_offsets": [0] } }, 4), /"a" has the data_offsets \[0\]/);
  assert.match(await refusal({ a: f32([2], 0, 4) }, 4), /"a" of F32 \[2\] needs 8 bytes, its data_offsets span 4/);
});

Deno.test("openCheckpoint() refuses data that is truncated, shared or nobody's", async () => {
  assert.match(await refusal({ a: f32([2], 0, 8) }, 7), /is truncated: tensor "a" ends at byte \d+, the file at \d+/);
  assert.match(await refusal({ a: f32([2], 0, 8), b: f32([2], 4, 12) }, 12), /"b" overlaps the one before/);
  assert.match(await refusal({ a: f32([1], 0, 4), b: f32([1], 8, 12) }, 12), /nothing lies before tensor "b"/);
  assert.match(await refusal({ a: f32([1], 0, 4) }, 6), /its last 2 bytes are no tensor/);
});

Deno.test("Checkpoint.get() names the nearest tensors of one that is missing", async () => {
  await using folder = await makeFolder();
  await writeSafetensors(join(folder.path, "model.safetensors"), tensors);
  const checkpoint = await openCheckpoint(folder.path);
  assert.equal(checkpoint.has("block.0.weigth"), false);
  assert.throws(() => checkpoint.get("block.0.weigth"), {
    name: "CheckpointError",
    message: /has no tensor "block\.0\.weigth"; nearest: "block\.0\.weight", "block\.0\.bias", "ids"/,
  });
});

Deno.test("Checkpoint.get() refuses a format that is not read, and only when it is asked for", async () => {
  await using folder = await makeFolder();
  const header = {
    a: { dtype: "F8_E5M2", shape: [4], "data_offsets": [0, 4] },
    b: f32([1], 4, 8),
    c: { dtype: "F64", shape: [1], "data_offsets": [8, 16] },
  };
  await writeRaw(join(folder.path, "model.safetensors"), header, 16);
  const checkpoint = await openCheckpoint(folder.path);
  assert.deepEqual(checkpoint.get("b").shape, [1]);
  const refusal = (message: RegExp) => ({ name: "CheckpointError", message });
  assert.throws(() => checkpoint.get("a"), refusal(/it is stored as F8_E5M2; of 8-bit formats only F8_E4M3 is read$/));
  assert.throws(() => checkpoint.get("c"), refusal(/it is stored as F64$/));
});

Deno.test("Checkpoint.readFloat32() notices a file that became shorter", async () => {
  await using folder = await makeFolder();
  const file = join(folder.path, "model.safetensors");
  await writeSafetensors(file, tensors);
  const checkpoint = await openCheckpoint(file);
  await Deno.truncate(file, (await Deno.stat(file)).size - 9);
  await assert.rejects(checkpoint.readFloat32("block.0.bias"), {
    name: "CheckpointError",
    message: /ends inside tensor "block\.0\.bias"/,
  });
});

Deno.test("withWeights() replaces numbers, not names or shapes", async () => {
  await using folder = await makeFolder();
  await writeSafetensors(join(folder.path, "model.safetensors"), tensors);
  const base = await openCheckpoint(folder.path);
  const changed = withWeights(base, new Map([["block.0.bias", { shape: [2], data: Float32Array.of(3, 4) }]]));
  assert.deepEqual(await changed.readFloat32("block.0.bias"), Float32Array.of(3, 4));
  assert.equal(changed.get("block.0.bias").dtype, "float32");
  assert.deepEqual(changed.get("block.0.weight"), base.get("block.0.weight"));
  const wrong = new Map([["block.0.bias", { shape: [3], data: new Float32Array(3) }]]);
  assert.throws(() => withWeights(base, wrong), { name: "CheckpointError", message: /its shape is \[2\]/ });
});

Deno.test("readWeightRows() reads the rows that are asked for, in that order, and names one that is not there", async () => {
  await using folder = await makeFolder();
  await writeSafetensors(join(folder.path, "model.safetensors"), {
    "table": { dtype: "bfloat16", shape: [3, 2], data: Uint16Array.of(0x3f80, 0x4000, 0x4040, 0x4080, 0x40a0, 0x40c0) },
  });
  const checkpoint = await openCheckpoint(folder.path);
  const table = checkpoint.get("table");
  assert.deepEqual(await readWeightRows(table, [2, 0, 2]), Float32Array.of(5, 6, 1, 2, 5, 6));
  const replaced = new Map([["table", { shape: [3, 2], data: Float32Array.of(9, 8, 7, 6, 5, 4) }]]);
  assert.deepEqual(await readWeightRows(withWeights(checkpoint, replaced).get("table"), [1]), Float32Array.of(7, 6));
  await assert.rejects(readWeightRows(table, [1, 3]), {
    name: "RangeError",
    message: `Cannot read row 3 of "table": it has 3`,
  });
});
