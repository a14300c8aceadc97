/**
 * Step, guidance, prompt and picture as vectors of the transformer's width. FramePack
 * `CombinedTimestepGuidanceTextProjEmbeddings`, `HunyuanVideoTokenRefiner`, `ClipVisionProjection`.
 * @module
 */
import { silu } from "../layers/activation.ts";
import { attention } from "../layers/attention.ts";
import { linear } from "../layers/linear.ts";
import { layerNorm } from "../layers/norm.ts";
import { castTo, type Module, type Value } from "../onnx/module.ts";
import { add, mul, reduceMean, split } from "../onnx/operators.ts";
import type { TransformerConfig } from "./transformer_config.ts";

/** Sinusoids of the step and of the guidance `[1, 256]`, pooled text `[1, pooledDim]` → condition `[1, hidden]` */
export function conditionEmbedding(
  m: Module,
  { hidden }: TransformerConfig,
  x: { readonly timestep: Value; readonly guidance: Value; readonly pooled: Value },
): Value {
  const timeAndGuidance = add(
    m,
    twoLayers(m.at("timestep_embedder"), x.timestep, hidden),
    twoLayers(m.at("guidance_embedder"), x.guidance, hidden),
  );
  return add(m, timeAndGuidance, twoLayers(m.at("text_embedder"), x.pooled, hidden));
}

/** Start picture: SigLIP states `[imageTokens, imageDim]` → `[imageTokens, hidden]` */
export const imageProjection = (m: Module, { hidden }: TransformerConfig, image: Value): Value =>
  linear(m.at("down"), silu(m, linear(m.at("up"), image, 3 * hidden)), hidden);

/**
 * LLaMA states become context tokens in a small transformer of their own that knows the step (arXiv 2412.03603,
 * section 4.3). The reference masks padding; here the text holds its valid rows only, which gives the same rows.
 *
 * text `[textTokens, textDim]`, timestep sinusoid `[1, 256]` → `[textTokens, hidden]`
 */
export function tokenRefiner(m: Module, config: TransformerConfig, text: Value, timestep: Value): Value {
  const { hidden } = config;
  const embed = m.at("time_text_embed");
  const condition = silu(
    m,
    add(
      m,
      twoLayers(embed.at("timestep_embedder"), timestep, hidden),
      twoLayers(embed.at("text_embedder"), meanRow(embed, text), hidden),
    ),
  );
  let x = linear(m.at("proj_in"), text, hidden);
  for (const block of m.each("token_refiner.refiner_blocks", config.refinerBlocks)) {
    x = refinerBlock(block, config, x, condition);
  }
  return x;
}

function refinerBlock(m: Module, { hidden, heads }: TransformerConfig, x: Value, condition: Value): Value {
  const gates = split(m, linear(m.at("norm_out.linear"), condition, 2 * hidden), 1, [hidden, hidden]);
  const normed = layerNorm(m.at("norm1"), x, 1e-6);
  const attended = attention(m.at("attn"), {
    query: linear(m.at("attn.to_q"), normed, hidden),
    key: linear(m.at("attn.to_k"), normed, hidden),
    value: linear(m.at("attn.to_v"), normed, hidden),
  }, heads);
  const y = add(m, x, mul(m, linear(m.at("attn.to_out.0"), attended, hidden), gates[0]!));
  // This MLP is four times as wide whatever `mlp_ratio` says.
  const inner = silu(m, linear(m.at("ff.net.0.proj"), layerNorm(m.at("norm2"), y, 1e-6), 4 * hidden));
  return add(m, y, mul(m, linear(m.at("ff.net.2"), inner, hidden), gates[1]!));
}

/** Mean over the rows, added up in float32 whatever the compute dtype, as the reference does. */
const meanRow = (m: Module, x: Value): Value => castTo(m, reduceMean(m, castTo(m, x, "float32"), 0), x.dtype);

const twoLayers = (m: Module, x: Value, width: number): Value =>
  linear(m.at("linear_2"), silu(m, linear(m.at("linear_1"), x, width)), width);
