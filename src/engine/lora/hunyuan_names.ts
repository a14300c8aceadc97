/**
 * HunyuanVideo's original module names. LoRA files made for the base model carry them; FramePack's checkpoint has the
 * diffusers names, and several modules where the original has one. diffusers `convert_hunyuan_video_to_diffusers.py`,
 * musubi-tuner `convert_hunyuan_to_framepack`.
 * @module
 */

/** FramePack modules that one original module became: the rows of its weight belong to them in this order. */
export type OriginalModule = readonly string[];

/** Every original name of a transformer with that many blocks. */
export function* hunyuanModules(
  blocks: { readonly dual: number; readonly single: number; readonly refiner: number },
): Generator<readonly [original: string, modules: OriginalModule]> {
  for (let i = 0; i < blocks.dual; i++) yield* prefixed(`double_blocks.${i}.`, `transformer_blocks.${i}.`, dualBlock);
  for (let i = 0; i < blocks.single; i++) {
    yield* prefixed(`single_blocks.${i}.`, `single_transformer_blocks.${i}.`, singleBlock);
  }
  yield* prefixed("", "", embedders);
  for (let i = 0; i < blocks.refiner; i++) {
    yield* prefixed(
      `txt_in.individual_token_refiner.blocks.${i}.`,
      `context_embedder.token_refiner.refiner_blocks.${i}.`,
      refinerBlock,
    );
  }
}

/** Its halves are scale and shift here, shift and scale in the original. */
export const swappedHalves = "norm_out.linear";

const dualBlock = {
  "img_attn_qkv": ["attn.to_q", "attn.to_k", "attn.to_v"],
  "img_attn_proj": ["attn.to_out.0"],
  "txt_attn_qkv": ["attn.add_q_proj", "attn.add_k_proj", "attn.add_v_proj"],
  "txt_attn_proj": ["attn.to_add_out"],
  "img_mlp.fc1": ["ff.net.0.proj"],
  "img_mlp.fc2": ["ff.net.2"],
  "txt_mlp.fc1": ["ff_context.net.0.proj"],
  "txt_mlp.fc2": ["ff_context.net.2"],
  "img_mod.linear": ["norm1.linear"],
  "txt_mod.linear": ["norm1_context.linear"],
};

const singleBlock = {
  "linear1": ["attn.to_q", "attn.to_k", "attn.to_v", "proj_mlp"],
  "linear2": ["proj_out"],
  "modulation.linear": ["norm.linear"],
};

const refinerBlock = {
  "self_attn_qkv": ["attn.to_q", "attn.to_k", "attn.to_v"],
  "self_attn_proj": ["attn.to_out.0"],
  "mlp.fc1": ["ff.net.0.proj"],
  "mlp.fc2": ["ff.net.2"],
  "adaLN_modulation.1": ["norm_out.linear"],
};

const embedders = {
  "img_in.proj": ["x_embedder.proj"],
  "time_in.mlp.0": ["time_text_embed.timestep_embedder.linear_1"],
  "time_in.mlp.2": ["time_text_embed.timestep_embedder.linear_2"],
  "guidance_in.mlp.0": ["time_text_embed.guidance_embedder.linear_1"],
  "guidance_in.mlp.2": ["time_text_embed.guidance_embedder.linear_2"],
  "vector_in.in_layer": ["time_text_embed.text_embedder.linear_1"],
  "vector_in.out_layer": ["time_text_embed.text_embedder.linear_2"],
  "txt_in.input_embedder": ["context_embedder.proj_in"],
  "txt_in.t_embedder.mlp.0": ["context_embedder.time_text_embed.timestep_embedder.linear_1"],
  "txt_in.t_embedder.mlp.2": ["context_embedder.time_text_embed.timestep_embedder.linear_2"],
  "txt_in.c_embedder.linear_1": ["context_embedder.time_text_embed.text_embedder.linear_1"],
  "txt_in.c_embedder.linear_2": ["context_embedder.time_text_embed.text_embedder.linear_2"],
  "final_layer.linear": ["proj_out"],
  "final_layer.adaLN_modulation.1": [swappedHalves],
};

function* prefixed(
  original: string,
  own: string,
  modules: Readonly<Record<string, OriginalModule>>,
): Generator<readonly [string, OriginalModule]> {
  for (const [name, parts] of Object.entries(modules)) yield [original + name, parts.map((part) => own + part)];
}
