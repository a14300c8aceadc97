/**
 * The part of a VAE's `config.json` that shapes its graphs.
 * @module
 */
import { z } from "zod";

/** diffusers' key names. What only one value of is implemented must have that value. */
const vaeJson = z.looseObject({
  in_channels: z.literal(3),
  out_channels: z.literal(3),
  latent_channels: z.literal(16),
  block_out_channels: z.array(z.int().positive()).min(1),
  layers_per_block: z.int().positive().default(2),
  norm_num_groups: z.int().positive().default(32),
  act_fn: z.literal("silu").default("silu"),
  mid_block_add_attention: z.literal(true).default(true),
  spatial_compression_ratio: z.literal(8).default(8),
  temporal_compression_ratio: z.literal(4).default(4),
  scaling_factor: z.number().positive().default(0.476986),
});

/** Sizes of one AutoencoderKLHunyuanVideo. */
export interface VaeConfig {
  /** From the pixels to the middle; the decoder reads them backwards. */
  readonly blockChannels: readonly number[];
  /** Residual blocks of an encoder block; a decoder block has one more. */
  readonly layersPerBlock: number;
  readonly normGroups: number;
  /** Latents outside of the VAE are its own times this. */
  readonly scalingFactor: number;
}

/** @throws z.ZodError naming the key */
export function parseVaeConfig(json: unknown): VaeConfig {
  const config = vaeJson.parse(json);
  return {
    blockChannels: config.block_out_channels,
    layersPerBlock: config.layers_per_block,
    normGroups: config.norm_num_groups,
    scalingFactor: config.scaling_factor,
  };
}
