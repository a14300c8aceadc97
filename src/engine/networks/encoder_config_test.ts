import assert from "node:assert/strict";
import { parseClipConfig, parseImagePreprocessing, parseLlamaConfig, parseSiglipConfig } from "./encoder_config.ts";

const llama = {
  "hidden_size": 4096,
  "intermediate_size": 14_336,
  "num_hidden_layers": 32,
  "num_attention_heads": 32,
  "num_key_value_heads": 8,
  "vocab_size": 128_320,
  "rms_norm_eps": 1e-5,
  "rope_theta": 500_000,
  "rope_scaling": null,
  "hidden_act": "silu",
  "torch_dtype": "float16",
};

Deno.test("parseLlamaConfig() reads the published sizes and derives the head's", () => {
  assert.deepEqual(parseLlamaConfig(llama), {
    hidden: 4096,
    mlpHidden: 14_336,
    layers: 32,
    queryHeads: 32,
    keyValueHeads: 8,
    headDim: 128,
    vocabulary: 128_320,
    normEpsilon: 1e-5,
    ropeTheta: 500_000,
  });
  assert.equal(parseLlamaConfig({ ...llama, "head_dim": 64 }).headDim, 64);
});

Deno.test("parseLlamaConfig() refuses what the graph cannot do, naming the key", () => {
  for (
    const [key, value] of [["rope_scaling", { factor: 8 }], ["hidden_act", "gelu"], ["hidden_size", "4096"]] as const
  ) {
    assert.throws(() => parseLlamaConfig({ ...llama, [key]: value }), new RegExp(key));
  }
});

const tower = {
  "hidden_size": 768,
  "intermediate_size": 3072,
  "num_hidden_layers": 12,
  "num_attention_heads": 12,
  "layer_norm_eps": 1e-5,
  "hidden_act": "quick_gelu",
};

Deno.test("parseClipConfig() takes transformers' end id where an old file has none", () => {
  const clip = { ...tower, "vocab_size": 49_408, "max_position_embeddings": 77 };
  assert.equal(parseClipConfig(clip).endId, 49_407);
  assert.equal(parseClipConfig({ ...clip, "eos_token_id": 2 }).endId, 2);
});

Deno.test("parseSiglipConfig() counts whole patches", () => {
  const config = parseSiglipConfig({
    ...tower,
    "hidden_act": "gelu_pytorch_tanh",
    "image_size": 384,
    "patch_size": 14,
  });
  assert.equal(config.patchesPerSide, 27);
});

Deno.test("parseImagePreprocessing() refuses another filter than bicubic", () => {
  const preprocessor = {
    "do_resize": true,
    "do_rescale": true,
    "do_normalize": true,
    "resample": 3,
    "size": { height: 384, width: 384 },
    "rescale_factor": 1 / 255,
    "image_mean": [0.5, 0.5, 0.5],
    "image_std": [0.5, 0.5, 0.5],
  };
  assert.equal(parseImagePreprocessing(preprocessor).widthPx, 384);
  assert.throws(() => parseImagePreprocessing({ ...preprocessor, "resample": 2 }), /resample/);
});
