/**
 * The parts of the three encoders' `config.json` that shape their graphs. Keys that only matter for training are let
 * through; what the graphs here cannot do is refused.
 * @module
 */
import { z } from "zod";

const size = z.int().positive();

const llamaJson = z.looseObject({
  hidden_size: size,
  intermediate_size: size,
  num_hidden_layers: z.int().min(2),
  num_attention_heads: size,
  num_key_value_heads: size.optional(),
  head_dim: size.nullish(),
  vocab_size: size,
  rms_norm_eps: z.number().positive(),
  rope_theta: z.number().positive(),
  rope_scaling: z.null().optional(),
  hidden_act: z.literal("silu"),
});

/** Sizes of a LLaMA (arXiv 2302.13971; grouped queries: arXiv 2305.13245). Published: 32 layers of 4096, 32 / 8 heads. */
export interface LlamaConfig {
  readonly hidden: number;
  readonly mlpHidden: number;
  readonly layers: number;
  readonly queryHeads: number;
  readonly keyValueHeads: number;
  readonly headDim: number;
  readonly vocabulary: number;
  readonly normEpsilon: number;
  readonly ropeTheta: number;
}

/** @throws z.ZodError naming the key */
export function parseLlamaConfig(json: unknown): LlamaConfig {
  const config = llamaJson.parse(json);
  return {
    hidden: config.hidden_size,
    mlpHidden: config.intermediate_size,
    layers: config.num_hidden_layers,
    queryHeads: config.num_attention_heads,
    keyValueHeads: config.num_key_value_heads ?? config.num_attention_heads,
    headDim: config.head_dim ?? config.hidden_size / config.num_attention_heads,
    vocabulary: config.vocab_size,
    normEpsilon: config.rms_norm_eps,
    ropeTheta: config.rope_theta,
  };
}

const activation = z.enum(["quick_gelu", "gelu", "gelu_pytorch_tanh"]);

const transformerJson = z.looseObject({
  hidden_size: size,
  intermediate_size: size,
  num_hidden_layers: size,
  num_attention_heads: size,
  layer_norm_eps: z.number().positive(),
  hidden_act: activation,
});

/** Sizes that CLIP's text tower and SigLIP's vision tower share. */
export interface PreNormConfig {
  readonly hidden: number;
  readonly mlpHidden: number;
  readonly layers: number;
  readonly heads: number;
  readonly normEpsilon: number;
  readonly activation: z.infer<typeof activation>;
}

/** Sizes of CLIP's text tower (arXiv 2103.00020). Published: 12 layers of 768, 12 heads. */
export interface ClipConfig extends PreNormConfig {
  readonly vocabulary: number;
  readonly positions: number;
  /** What marks the pooled position; 2 stands for "the largest id", a convention of old files. */
  readonly endId: number;
}

/** @throws z.ZodError naming the key */
export function parseClipConfig(json: unknown): ClipConfig {
  const config = transformerJson.extend({
    vocab_size: size,
    max_position_embeddings: size,
    eos_token_id: z.int().default(49_407), // transformers' own default; older files leave it out
  }).parse(json);
  return {
    ...preNormConfig(config),
    vocabulary: config.vocab_size,
    positions: config.max_position_embeddings,
    endId: config.eos_token_id,
  };
}

/** Sizes of SigLIP's vision tower (arXiv 2303.15343). Published: 27 layers of 1152, 16 heads, 384 px in patches of 14. */
export interface SiglipConfig extends PreNormConfig {
  readonly imageSidePx: number;
  readonly patchSidePx: number;
  /** Patches that fit into a row; pixels beyond the last whole patch are not looked at. */
  readonly patchesPerSide: number;
}

/** @throws z.ZodError naming the key */
export function parseSiglipConfig(json: unknown): SiglipConfig {
  const config = transformerJson.extend({
    num_channels: z.literal(3).default(3),
    image_size: size,
    patch_size: size,
  }).parse(json);
  return {
    ...preNormConfig(config),
    imageSidePx: config.image_size,
    patchSidePx: config.patch_size,
    patchesPerSide: Math.floor(config.image_size / config.patch_size),
  };
}

const preNormConfig = (config: z.infer<typeof transformerJson>): PreNormConfig => ({
  hidden: config.hidden_size,
  mlpHidden: config.intermediate_size,
  layers: config.num_hidden_layers,
  heads: config.num_attention_heads,
  normEpsilon: config.layer_norm_eps,
  activation: config.hidden_act,
});

const rgb = z.tuple([z.number(), z.number(), z.number()]);

const preprocessorJson = z.looseObject({
  do_resize: z.literal(true),
  do_rescale: z.literal(true),
  do_normalize: z.literal(true),
  resample: z.literal(3), // Pillow's number for bicubic
  size: z.object({ height: size, width: size }),
  rescale_factor: z.number(),
  image_mean: rgb,
  image_std: rgb,
});

/** `preprocessor_config.json`: how a picture becomes SigLIP's input. */
export interface ImagePreprocessing {
  readonly widthPx: number;
  readonly heightPx: number;
  readonly rescaleFactor: number;
  readonly mean: readonly [red: number, green: number, blue: number];
  readonly std: readonly [red: number, green: number, blue: number];
}

/** @throws z.ZodError naming the key */
export function parseImagePreprocessing(json: unknown): ImagePreprocessing {
  const config = preprocessorJson.parse(json);
  return {
    widthPx: config.size.width,
    heightPx: config.size.height,
    rescaleFactor: config.rescale_factor,
    mean: config.image_mean,
    std: config.image_std,
  };
}
