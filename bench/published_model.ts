/**
 * Every tensor of FramePack as published, as names, shapes and types: what the headers of its files say.
 * hunyuanvideo-community/HunyuanVideo (text_encoder, text_encoder_2, vae), lllyasviel/flux_redux_bfl (image_encoder),
 * lllyasviel/FramePackI2V_HY (transformer).
 * @module
 */
import { cp } from "node:fs/promises";
import { packedTransformerShapes } from "./published_transformer.ts";
import { writeHollow } from "./sparse_model.ts";
import type { ModelTensors, TensorList } from "../src/engine/memory/model_sizes.ts";
import type { Checkpoint } from "../src/engine/onnx/safetensors.ts";
import type { DType } from "../src/engine/onnx/tensor.ts";

type Shapes = Readonly<Record<string, readonly number[]>>;

export function publishedModelTensors(): ModelTensors {
  return {
    transformer: listOf(packedTransformerShapes(), "bfloat16"),
    vae: listOf(vaeShapes(), "float32"),
    llama: listOf(llamaShapes(), "float16"),
    clip: listOf(clipShapes(), "float16"),
    siglip: listOf(siglipShapes(), "bfloat16"),
  };
}

/** A checkpoint that graphs can be built from and not run. */
export function checkpointOf(list: TensorList): Checkpoint {
  const names = new Set(list.names());
  return {
    get: (name) => ({ name, ...list.get(name), source: { file: "/nowhere", offsetBytes: 0, lengthBytes: 0 } }),
    has: (name) => names.has(name),
    names: list.names,
    readFloat32: (name) => Promise.reject(new Error(`"${name}" has no numbers`)),
    metadata: {},
  };
}

/**
 * A folder of the published model that takes no room: right headers over holes, and configurations of another folder, which
 * are not those of these tensors. It can be looked at and not run.
 */
export async function writeHollowModel(folder: string, otherDir: string): Promise<void> {
  const { transformer, vae, llama, clip, siglip } = publishedModelTensors();
  const weights = {
    "transformer/diffusion_pytorch_model": transformer,
    "vae/diffusion_pytorch_model": vae,
    "text_encoder/model": llama,
    "text_encoder_2/model": clip,
    "image_encoder/model": siglip,
  };
  await cp(otherDir, folder, { recursive: true, filter: (path) => !/\.safetensors$|framecast\.json$/.test(path) });
  for (const [path, tensors] of Object.entries(weights)) {
    const hollow = tensors.names().map((name) => ({ name, ...tensors.get(name) as { shape: number[]; dtype: DType } }));
    await writeHollow(`${folder}/${path}.safetensors`, hollow);
  }
}

function listOf(shapes: Shapes, dtype: DType): TensorList {
  return {
    names: () => Object.keys(shapes),
    get: (name) => {
      const shape = shapes[name];
      if (!shape) throw new Error(`There is no tensor "${name}"`);
      return { shape, dtype };
    },
  };
}

function llamaShapes(): Shapes {
  const [hidden, mlp, keyValue] = [4096, 14336, 1024];
  return {
    "embed_tokens.weight": [128_320, hidden],
    ...each("layers", 32, {
      "self_attn.q_proj.weight": [hidden, hidden],
      "self_attn.k_proj.weight": [keyValue, hidden],
      "self_attn.v_proj.weight": [keyValue, hidden],
      "self_attn.o_proj.weight": [hidden, hidden],
      "mlp.gate_proj.weight": [mlp, hidden],
      "mlp.up_proj.weight": [mlp, hidden],
      "mlp.down_proj.weight": [hidden, mlp],
      "input_layernorm.weight": [hidden],
      "post_attention_layernorm.weight": [hidden],
    }),
    "norm.weight": [hidden],
  };
}

function clipShapes(): Shapes {
  const hidden = 768;
  return below("text_model", {
    "embeddings.token_embedding.weight": [49_408, hidden],
    "embeddings.position_embedding.weight": [77, hidden],
    ...each("encoder.layers", 12, preNormLayer(hidden, 3072)),
    ...affine("final_layer_norm", hidden),
  });
}

function siglipShapes(): Shapes {
  const [hidden, mlp] = [1152, 4304];
  return below("vision_model", {
    "embeddings.patch_embedding.weight": [hidden, 3, 14, 14],
    "embeddings.patch_embedding.bias": [hidden],
    "embeddings.position_embedding.weight": [729, hidden],
    ...each("encoder.layers", 27, preNormLayer(hidden, mlp)),
    ...affine("post_layernorm", hidden),
    "head.probe": [1, 1, hidden],
    "head.attention.in_proj_weight": [3 * hidden, hidden],
    "head.attention.in_proj_bias": [3 * hidden],
    ...linear("head.attention.out_proj", hidden, hidden),
    ...affine("head.layernorm", hidden),
    ...linear("head.mlp.fc1", mlp, hidden),
    ...linear("head.mlp.fc2", hidden, mlp),
  });
}

const preNormLayer = (hidden: number, mlp: number): Shapes => ({
  ...Object.assign({}, ...["q", "k", "v", "out"].map((name) => linear(`self_attn.${name}_proj`, hidden, hidden))),
  ...affine("layer_norm1", hidden),
  ...affine("layer_norm2", hidden),
  ...linear("mlp.fc1", mlp, hidden),
  ...linear("mlp.fc2", hidden, mlp),
});

function vaeShapes(): Shapes {
  const channels = [128, 256, 512, 512];
  const widest = 512;
  const encoder: Shapes = {
    ...convolution("conv_in", 128, 3),
    ...channels.reduce<Shapes>((shapes, out, index) => ({
      ...shapes,
      ...residuals(`down_blocks.${index}`, 2, channels[index - 1] ?? 128, out),
      ...(index < 3 ? convolution(`down_blocks.${index}.downsamplers.0.conv`, out, out) : {}),
    }), {}),
    ...middle(widest),
    ...affine("conv_norm_out", widest),
    ...convolution("conv_out", 32, widest),
  };
  const up = channels.toReversed();
  const decoder: Shapes = {
    ...convolution("conv_in", widest, 16),
    ...middle(widest),
    ...up.reduce<Shapes>((shapes, out, index) => ({
      ...shapes,
      ...residuals(`up_blocks.${index}`, 3, up[index - 1] ?? widest, out),
      ...(index < 3 ? convolution(`up_blocks.${index}.upsamplers.0.conv`, out, out) : {}),
    }), {}),
    ...affine("conv_norm_out", 128),
    ...convolution("conv_out", 3, 128),
  };
  return {
    ...below("encoder", encoder),
    ...pointwise("quant_conv", 32, 32),
    ...pointwise("post_quant_conv", 16, 16),
    ...below("decoder", decoder),
  };
}

const middle = (channels: number): Shapes => ({
  ...residual("mid_block.resnets.0", channels, channels),
  ...residual("mid_block.resnets.1", channels, channels),
  ...affine("mid_block.attentions.0.group_norm", channels),
  ...Object.assign(
    {},
    ...["to_q", "to_k", "to_v", "to_out.0"].map((name) => linear(`mid_block.attentions.0.${name}`, channels, channels)),
  ),
});

const residuals = (path: string, count: number, inner: number, out: number): Shapes =>
  Object.assign(
    {},
    ...Array.from(
      { length: count },
      (_, index) => residual(`${path}.resnets.${index}`, index === 0 ? inner : out, out),
    ),
  );

const residual = (path: string, inner: number, out: number): Shapes =>
  below(path, {
    ...affine("norm1", inner),
    ...convolution("conv1", out, inner),
    ...affine("norm2", out),
    ...convolution("conv2", out, out),
    ...(inner === out ? {} : pointwise("conv_shortcut.conv", out, inner)),
  });

const convolution = (path: string, out: number, inner: number): Shapes => ({
  [`${path}.conv.weight`]: [out, inner, 3, 3, 3],
  [`${path}.conv.bias`]: [out],
});
const pointwise = (path: string, out: number, inner: number): Shapes => ({
  [`${path}.weight`]: [out, inner, 1, 1, 1],
  [`${path}.bias`]: [out],
});
const linear = (path: string, out: number, inner: number): Shapes => ({
  [`${path}.weight`]: [out, inner],
  [`${path}.bias`]: [out],
});
const affine = (path: string, size: number): Shapes => ({ [`${path}.weight`]: [size], [`${path}.bias`]: [size] });
const below = (path: string, shapes: Shapes): Shapes =>
  Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [`${path}.${name}`, shape]));
const each = (path: string, count: number, shapes: Shapes): Shapes =>
  Object.assign({}, ...Array.from({ length: count }, (_, index) => below(`${path}.${index}`, shapes)));
