/**
 * The part of a transformer's `config.json` that shapes its graphs.
 * @module
 */
import { z } from "zod";

/** diffusers' key names; what FramePack's class needs must be there. */
const transformerJson = z.looseObject({
  num_attention_heads: z.int().positive(),
  attention_head_dim: z.int().positive(),
  num_layers: z.int().nonnegative(),
  num_single_layers: z.int().nonnegative(),
  num_refiner_layers: z.int().nonnegative(),
  mlp_ratio: z.number().positive().default(4),
  in_channels: z.literal(16),
  out_channels: z.literal(16),
  patch_size: z.literal(2),
  patch_size_t: z.literal(1),
  qk_norm: z.literal("rms_norm"),
  guidance_embeds: z.literal(true),
  has_image_proj: z.literal(true),
  has_clean_x_embedder: z.literal(true),
  text_embed_dim: z.int().positive(),
  pooled_projection_dim: z.int().positive(),
  image_proj_dim: z.int().positive(),
  rope_theta: z.number().positive(),
  rope_axes_dim: z.tuple([z.int(), z.int(), z.int()]),
});

/** Sizes of one FramePack transformer. The published one: 24 heads of 128, 20 + 40 blocks (arXiv 2412.03603, table 1). */
export interface TransformerConfig {
  readonly heads: number;
  readonly headDim: number;
  /** heads · headDim */
  readonly hidden: number;
  readonly dualBlocks: number;
  readonly singleBlocks: number;
  readonly refinerBlocks: number;
  readonly mlpHidden: number;
  readonly textDim: number;
  readonly pooledDim: number;
  readonly imageDim: number;
  readonly ropeTheta: number;
  /** Channels of a head that turn with time, row and column; their sum is `headDim`. */
  readonly ropeAxes: readonly [time: number, row: number, column: number];
}

/** @throws z.ZodError naming the key */
export function parseTransformerConfig(json: unknown): TransformerConfig {
  const config = transformerJson.parse(json);
  const hidden = config.num_attention_heads * config.attention_head_dim;
  return {
    heads: config.num_attention_heads,
    headDim: config.attention_head_dim,
    hidden,
    dualBlocks: config.num_layers,
    singleBlocks: config.num_single_layers,
    refinerBlocks: config.num_refiner_layers,
    mlpHidden: Math.trunc(hidden * config.mlp_ratio),
    textDim: config.text_embed_dim,
    pooledDim: config.pooled_projection_dim,
    imageDim: config.image_proj_dim,
    ropeTheta: config.rope_theta,
    ropeAxes: config.rope_axes_dim,
  };
}
