import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { tinyCheckpoint, withBiases } from "../../../tests/tiny_network.ts";
import { tinyWeights } from "../../../tests/tiny_model.ts";
import { writeSafetensors } from "../onnx/safetensors.ts";
import { bfloat16OfFloat32, float32Tensor, type Tensor } from "../onnx/tensor.ts";
import { mergeLoras } from "./merge.ts";

const toQ = "transformer_blocks.0.attn.to_q";
/** A transformer of a few modules, width 4. */
const base = tinyCheckpoint(withBiases({
  [toQ]: [4, 4],
  "transformer_blocks.0.attn.to_k": [4, 4],
  "transformer_blocks.0.attn.to_v": [4, 4],
  "single_transformer_blocks.0.proj_out": [4, 8],
  "norm_out.linear": [8, 4],
  "x_embedder.proj": [4, 2, 1, 1, 1],
}));

const rank1 = (out: number, inner: number, first = 1) => ({
  up: float32Tensor([out, 1], Float32Array.from({ length: out }, (_, i) => i + first)),
  down: float32Tensor([1, inner], new Float32Array(inner).fill(1)),
});
const kohya = (name: string, { up, down }: ReturnType<typeof rank1>) => ({
  [`${name}.lora_up.weight`]: up,
  [`${name}.lora_down.weight`]: down,
});
const peft = (name: string, { up, down }: ReturnType<typeof rank1>) => ({
  [`${name}.lora_B.weight`]: up,
  [`${name}.lora_A.weight`]: down,
});

interface Trial {
  readonly tensors: Record<string, Tensor>;
  readonly metadata?: Record<string, string>;
  readonly strength?: number;
}

/** What merging adds to each row's first column of a weight, or to each place of a bias, rounded to thousandths. */
async function added(name: string, { tensors, metadata, strength = 1 }: Trial): Promise<number[]> {
  const { merged, shape } = await mergeOne({ tensors, ...(metadata ? { metadata } : {}), strength }, name);
  const before = tinyWeights(name, shape);
  const columns = before.length / shape[0]!;
  return Array.from({ length: shape[0]! }, (_, row) => {
    const change = merged[row * columns]! - before[row * columns]!;
    return Math.round(change * 1000) / 1000;
  });
}

async function mergeOne({ tensors, metadata, strength = 1 }: Trial, name: string) {
  const folder = await mkdtemp(join(tmpdir(), "framecast-lora-"));
  try {
    const file = join(folder, "ink.safetensors");
    await writeSafetensors(file, tensors, metadata);
    const merged = await mergeLoras(base, [{ file, strength }]);
    return { merged: await merged.readFloat32(name), shape: merged.get(name).shape, changed: [...merged.changed] };
  } finally {
    await rm(folder, { recursive: true });
  }
}

Deno.test("every way to write down a module's name means the same module", async () => {
  const matrices = rank1(4, 4);
  const writings = [
    kohya("lora_unet_transformer_blocks_0_attn_to_q", matrices),
    peft(`transformer.${toQ}`, matrices),
    peft(`diffusion_model.${toQ}`, matrices),
    peft(`base_model.model.${toQ}`, matrices),
    peft(`base_model.model.transformer.${toQ}`, matrices),
    peft(toQ, matrices),
    kohya(`transformer.${toQ}`, matrices),
    {
      [`${toQ}.lora_A.default.weight`]: matrices.down,
      [`${toQ}.lora_B.default.weight`]: matrices.up,
      [`${toQ}.lora_magnitude_vector.default.weight`]: float32Tensor([4], new Float32Array(4)),
    },
  ];
  for (const tensors of writings) {
    assert.deepEqual(await added(`${toQ}.weight`, { tensors }), [1, 2, 3, 4], Object.keys(tensors)[0]!);
  }
});

Deno.test("only the weights that a file names are replaced", async () => {
  const { changed } = await mergeOne({ tensors: peft(toQ, rank1(4, 4)) }, `${toQ}.weight`);
  assert.deepEqual(changed, [`${toQ}.weight`]);
  const none = await mergeOne({ tensors: peft(toQ, rank1(4, 4)), strength: 0 }, `${toQ}.weight`);
  assert.deepEqual(none.changed, []);
});

Deno.test("strength scales, below 0 it takes away", async () => {
  const tensors = peft(toQ, rank1(4, 4));
  assert.deepEqual(await added(`${toQ}.weight`, { tensors, strength: -0.5 }), [-0.5, -1, -1.5, -2]);
});

Deno.test("half precision counts as the numbers it holds", async () => {
  const { up, down } = rank1(4, 4);
  const half: Tensor = { ...up, dtype: "bfloat16", data: bfloat16OfFloat32(up.data) };
  const tensors = { [`${toQ}.lora_B.weight`]: half, [`${toQ}.lora_A.weight`]: down };
  assert.deepEqual(await added(`${toQ}.weight`, { tensors }), [1, 2, 3, 4]);
});

Deno.test("alpha/rank scales: a tensor's, else what the metadata says, by module and by the root of the rank", async () => {
  const tensors = peft(`transformer.${toQ}`, rank1(4, 4));
  const rank4 = {
    [`transformer.${toQ}.lora_B.weight`]: float32Tensor([4, 4], new Float32Array(16).fill(1)),
    [`transformer.${toQ}.lora_A.weight`]: float32Tensor([4, 4], new Float32Array(16).fill(1)),
  };
  const said = (config: unknown) => ({ lora_adapter_metadata: JSON.stringify(config) });
  const firstOf = async (trial: Trial) => (await added(`${toQ}.weight`, trial))[0];
  assert.equal(await firstOf({ tensors, metadata: said({ "transformer.r": 1, "transformer.lora_alpha": 3 }) }), 3);
  assert.equal(await firstOf({ tensors: rank4 }), 4);
  assert.equal(await firstOf({ tensors: rank4, metadata: said({ "transformer.lora_alpha": 2 }) }), 2);
  const root = said({ "transformer.lora_alpha": 2, "transformer.use_rslora": true });
  assert.equal(await firstOf({ tensors: rank4, metadata: root }), 4 * 2 / Math.sqrt(4));
  const own = said({ "transformer.lora_alpha": 2, "transformer.alpha_pattern": { "attn.to_q": 8 } });
  assert.equal(await firstOf({ tensors: rank4, metadata: own }), 8);
  const tensorsOwn = { ...rank4, [`transformer.${toQ}.alpha`]: float32Tensor([], Float32Array.of(1)) };
  assert.equal(await firstOf({ tensors: tensorsOwn, metadata: said({ "transformer.lora_alpha": 2 }) }), 1);
});

Deno.test("a bias is changed where the file has one", async () => {
  const tensors = {
    ...peft(toQ, rank1(4, 4)),
    [`${toQ}.lora_B.bias`]: float32Tensor([4], Float32Array.of(1, 2, 3, 4)),
  };
  assert.deepEqual(await added(`${toQ}.bias`, { tensors, strength: 2 }), [2, 4, 6, 8]);
});

Deno.test("HunyuanVideo's joint module is split by rows, its last norm has its halves exchanged", async () => {
  const joint = kohya("lora_unet_double_blocks_0_img_attn_qkv", rank1(12, 4));
  assert.deepEqual(await added(`${toQ}.weight`, { tensors: joint }), [1, 2, 3, 4]);
  assert.deepEqual(await added("transformer_blocks.0.attn.to_v.weight", { tensors: joint }), [9, 10, 11, 12]);
  const norm = peft("diffusion_model.final_layer.adaLN_modulation.1", rank1(8, 4));
  assert.deepEqual(await added("norm_out.linear.weight", { tensors: norm }), [5, 6, 7, 8, 1, 2, 3, 4]);
  const ownNorm = peft("norm_out.linear", rank1(8, 4));
  assert.deepEqual(await added("norm_out.linear.weight", { tensors: ownNorm }), [1, 2, 3, 4, 5, 6, 7, 8]);
});

Deno.test("a convolution's kernel counts as columns", async () => {
  const tensors = {
    "x_embedder.proj.lora_A.weight": float32Tensor([1, 2, 1, 1, 1], Float32Array.of(1, 1)),
    "x_embedder.proj.lora_B.weight": float32Tensor([4, 1, 1, 1, 1], Float32Array.of(1, 2, 3, 4)),
  };
  assert.deepEqual(await added("x_embedder.proj.weight", { tensors }), [1, 2, 3, 4]);
});

const wrong: readonly (readonly [what: string, tensors: Record<string, Tensor>, says: RegExp])[] = [
  ["nothing", {}, /it has no tensors$/],
  [
    "another architecture",
    peft("diffusion_model.blocks.0.cross_attn.k", rank1(4, 4)),
    /made for another model, whose "blocks\.0\.cross_attn\.k" this one has not \(none of its 1 modules are here\)$/,
  ],
  [
    "a deeper model",
    { ...peft(toQ, rank1(4, 4)), ...peft("transformer_blocks.19.attn.to_q", rank1(4, 4)) },
    /whose "transformer_blocks\.19\.attn\.to_q" this one has not \(1 of its 2 modules is here\)$/,
  ],
  [
    "a wider model",
    peft(toQ, rank1(16, 16)),
    /another size of model, "transformer_blocks\.0\.attn\.to_q" adds \[16, 16\] to "transformer_blocks.*" of \[4, 4\]$/,
  ],
  [
    "a joint module of another size",
    peft("double_blocks.0.img_attn_qkv", rank1(15, 4)),
    /"double_blocks\.0\.img_attn_qkv" adds \[15, 4\] to "transformer_blocks\.0\.attn\.to_v" of \[12, 4\]$/,
  ],
  [
    "a single half",
    { [`${toQ}.lora_A.weight`]: rank1(4, 4).down },
    /"transformer_blocks\.0\.attn\.to_q" is not complete, it has only lora_down$/,
  ],
  [
    "halves that do not fit",
    {
      [`${toQ}.lora_A.weight`]: rank1(4, 4).down,
      [`${toQ}.lora_B.weight`]: float32Tensor([4, 2], new Float32Array(8)),
    },
    /in "transformer_blocks\.0\.attn\.to_q" a matrix \[4, 2\] does not fit \[1, 4\]$/,
  ],
  [
    "a full difference",
    { [`lora_unet_transformer_blocks_0_attn_to_q.diff`]: rank1(4, 4).up },
    /"lora_unet_transformer_blocks_0_attn_to_q\.diff" is no tensor of a LoRA, LoHa or LoKr$/,
  ],
  [
    "NaN",
    peft(toQ, { ...rank1(4, 4), up: float32Tensor([4, 1], Float32Array.of(1, 2, NaN, 4)) }),
    /"transformer_blocks\.0\.attn\.to_q\.lora_B\.weight" holds NaN at place 2$/,
  ],
  [
    "infinity",
    peft(toQ, { ...rank1(4, 4), down: float32Tensor([1, 4], Float32Array.of(1, -Infinity, 1, 4)) }),
    /"transformer_blocks\.0\.attn\.to_q\.lora_A\.weight" holds -Infinity at place 1$/,
  ],
  [
    "a bias of another size",
    { ...peft(toQ, rank1(4, 4)), [`${toQ}.lora_B.bias`]: float32Tensor([3], new Float32Array(3)) },
    /"transformer_blocks\.0\.attn\.to_q" adds 3 numbers to a bias of 4$/,
  ],
];

for (const [what, tensors, says] of wrong) {
  Deno.test(`a file with ${what} is refused by its name and the tensor at fault`, async () => {
    await assert.rejects(mergeOne({ tensors }, `${toQ}.weight`), (error: Error & { field?: string }) => {
      assert.equal(error.name, "RequestError");
      assert.equal(error.field, "loras");
      assert.ok(error.message.startsWith('Cannot apply the LoRA "ink": '), error.message);
      assert.match(error.message, says);
      return true;
    });
  });
}

Deno.test("metadata that is no JSON is refused", async () => {
  const trial = { tensors: peft(toQ, rank1(4, 4)), metadata: { lora_adapter_metadata: "r=4" } };
  await assert.rejects(mergeOne(trial, `${toQ}.weight`), /its "lora_adapter_metadata" is no JSON object: r=4$/);
});

Deno.test("a stop ends a merge", async () => {
  const folder = await mkdtemp(join(tmpdir(), "framecast-lora-"));
  try {
    const file = join(folder, "ink.safetensors");
    await writeSafetensors(file, peft(toQ, rank1(4, 4)));
    const reason = new DOMException("Stopped", "AbortError");
    await assert.rejects(mergeLoras(base, [{ file, strength: 1 }], AbortSignal.abort(reason)), (error) => {
      assert.equal(error, reason);
      return true;
    });
  } finally {
    await rm(folder, { recursive: true });
  }
});
