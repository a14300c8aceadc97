/**
 * Sizes and tensor names of the published 13B transformer (lllyasviel/FramePackI2V_HY), from its configuration.
 * @module
 */

/** Its `config.json`. */
export const publishedTransformer = {
  _class_name: "HunyuanVideoTransformer3DModelPacked",
  attention_head_dim: 128,
  guidance_embeds: true,
  has_clean_x_embedder: true,
  has_image_proj: true,
  image_proj_dim: 1152,
  in_channels: 16,
  mlp_ratio: 4.0,
  num_attention_heads: 24,
  num_layers: 20,
  num_refiner_layers: 2,
  num_single_layers: 40,
  out_channels: 16,
  patch_size: 2,
  patch_size_t: 1,
  pooled_projection_dim: 768,
  qk_norm: "rms_norm",
  rope_axes_dim: [16, 56, 56],
  rope_theta: 256.0,
  text_embed_dim: 4096,
} as const;

type Shapes = Record<string, readonly number[]>;

const hidden = publishedTransformer.num_attention_heads * publishedTransformer.attention_head_dim;
const mlp = hidden * publishedTransformer.mlp_ratio;
const head = publishedTransformer.attention_head_dim;

/** Every tensor of the checkpoint. */
export function packedTransformerShapes(): Shapes {
  const { in_channels: channels, image_proj_dim: image, num_layers, num_single_layers } = publishedTransformer;
  return {
    ...layer("x_embedder.proj", hidden, channels, 1, 2, 2),
    ...layer("clean_x_embedder.proj", hidden, channels, 1, 2, 2),
    ...layer("clean_x_embedder.proj_2x", hidden, channels, 2, 4, 4),
    ...layer("clean_x_embedder.proj_4x", hidden, channels, 4, 8, 8),
    ...layer("image_projection.up", 3 * hidden, image),
    ...layer("image_projection.down", hidden, 3 * hidden),
    ...conditions(),
    ...textRefiner(),
    ...each("transformer_blocks", num_layers, dualBlock()),
    ...each("single_transformer_blocks", num_single_layers, singleBlock()),
    ...layer("norm_out.linear", 2 * hidden, hidden),
    ...layer("proj_out", 4 * publishedTransformer.out_channels, hidden),
  };
}

function conditions(): Shapes {
  const { pooled_projection_dim: pooled } = publishedTransformer;
  return below("time_text_embed", {
    ...twoLayers("timestep_embedder", 256),
    ...twoLayers("guidance_embedder", 256),
    ...twoLayers("text_embedder", pooled),
  });
}

function textRefiner(): Shapes {
  const { text_embed_dim: text, num_refiner_layers } = publishedTransformer;
  return below("context_embedder", {
    ...below("time_text_embed", { ...twoLayers("timestep_embedder", 256), ...twoLayers("text_embedder", text) }),
    ...layer("proj_in", hidden, text),
    ...each("token_refiner.refiner_blocks", num_refiner_layers, {
      ...vectors("norm1", hidden),
      ...vectors("norm2", hidden),
      ...squares("attn", ["to_q", "to_k", "to_v", "to_out.0"]),
      ...layer("ff.net.0.proj", 4 * hidden, hidden),
      ...layer("ff.net.2", hidden, 4 * hidden),
      ...layer("norm_out.linear", 2 * hidden, hidden),
    }),
  });
}

function dualBlock(): Shapes {
  const projections = ["to_q", "to_k", "to_v", "add_q_proj", "add_k_proj", "add_v_proj", "to_out.0", "to_add_out"];
  return {
    ...layer("norm1.linear", 6 * hidden, hidden),
    ...layer("norm1_context.linear", 6 * hidden, hidden),
    ...squares("attn", projections),
    ...headNorms("attn", ["norm_q", "norm_k", "norm_added_q", "norm_added_k"]),
    ...layer("ff.net.0.proj", mlp, hidden),
    ...layer("ff.net.2", hidden, mlp),
    ...layer("ff_context.net.0.proj", mlp, hidden),
    ...layer("ff_context.net.2", hidden, mlp),
  };
}

const singleBlock = (): Shapes => ({
  ...layer("norm.linear", 3 * hidden, hidden),
  ...squares("attn", ["to_q", "to_k", "to_v"]),
  ...headNorms("attn", ["norm_q", "norm_k"]),
  ...layer("proj_mlp", mlp, hidden),
  ...layer("proj_out", hidden, hidden + mlp),
});

const layer = (path: string, out: number, ...inner: number[]): Shapes => ({
  [`${path}.weight`]: [out, ...inner],
  [`${path}.bias`]: [out],
});
const twoLayers = (path: string, inner: number): Shapes =>
  below(path, { ...layer("linear_1", hidden, inner), ...layer("linear_2", hidden, hidden) });
const vectors = (path: string, size: number): Shapes => ({ [`${path}.weight`]: [size], [`${path}.bias`]: [size] });
const squares = (path: string, names: readonly string[]): Shapes =>
  Object.assign({}, ...names.map((name) => layer(`${path}.${name}`, hidden, hidden)));
const headNorms = (path: string, names: readonly string[]): Shapes =>
  Object.fromEntries(names.map((name) => [`${path}.${name}.weight`, [head]]));
const below = (path: string, shapes: Shapes): Shapes =>
  Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [`${path}.${name}`, shape]));
const each = (path: string, count: number, shapes: Shapes): Shapes =>
  Object.assign({}, ...Array.from({ length: count }, (_, index) => below(`${path}.${index}`, shapes)));
