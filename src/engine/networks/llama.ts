/**
 * LLaMA as a text encoder (arXiv 2302.13971; grouped queries: arXiv 2305.13245). transformers `LlamaModel`.
 * @module
 */
import { silu } from "../layers/activation.ts";
import { causalAttention } from "../layers/causal_attention.ts";
import { linear } from "../layers/linear.ts";
import { rmsNorm } from "../layers/norm.ts";
import { rotary, type RotaryTable } from "../layers/rotary.ts";
import { castTo, type Module, type Value } from "../onnx/module.ts";
import { add, gather, mul } from "../onnx/operators.ts";
import type { LlamaConfig } from "./encoder_config.ts";

/**
 * HunyuanVideo reads `hidden_states[-3]`: the output of the third last layer, without a final norm. The last two layers
 * and the norm are never computed.
 */
const unusedLayers = 2;

/** Layers that are computed. */
export const llamaLayersUsed = ({ layers }: Pick<LlamaConfig, "layers">): number => layers - unusedLayers;

/**
 * Without padding: it stands on the right, where a causal network cannot see it.
 *
 * ids `[tokens]` (int64), rope of positions 0, 1, … → states `[tokens, hidden]`
 */
export function llamaStates(m: Module, config: LlamaConfig, ids: Value, rope: RotaryTable): Value {
  let x = embedding(m.at("embed_tokens"), ids, config);
  for (const layer of m.each("layers", llamaLayersUsed(config))) x = llamaLayer(layer, config, x, rope);
  return x;
}

/** Only the rows in use are converted to the compute dtype. */
function embedding(m: Module, ids: Value, { vocabulary, hidden }: LlamaConfig): Value {
  return castTo(m, gather(m, m.storedWeight("weight", [vocabulary, hidden]), ids), m.graph.computeDType);
}

/** x `[tokens, hidden]` → the same shape */
export function llamaLayer(m: Module, config: LlamaConfig, x: Value, rope: RotaryTable): Value {
  const normed = rmsNorm(m.at("input_layernorm"), x, config.normEpsilon);
  const y = add(m, x, selfAttention(m.at("self_attn"), config, normed, rope));
  return add(m, y, feedForward(m.at("mlp"), config, rmsNorm(m.at("post_attention_layernorm"), y, config.normEpsilon)));
}

function selfAttention(m: Module, config: LlamaConfig, x: Value, rope: RotaryTable): Value {
  const { queryHeads, keyValueHeads, headDim } = config;
  const query = linear(m.at("q_proj"), x, queryHeads * headDim);
  const key = linear(m.at("k_proj"), x, keyValueHeads * headDim);
  const attended = causalAttention(m, {
    query: rotary(m, query, rope, queryHeads, "halves"),
    key: rotary(m, key, rope, keyValueHeads, "halves"),
    value: linear(m.at("v_proj"), x, keyValueHeads * headDim),
  }, { query: queryHeads, keyValue: keyValueHeads });
  return linear(m.at("o_proj"), attended, config.hidden);
}

/** SwiGLU (arXiv 2002.05202, section 2): W_down (silu(W_gate x) · W_up x) */
function feedForward(m: Module, { hidden, mlpHidden }: LlamaConfig, x: Value): Value {
  const gate = silu(m, linear(m.at("gate_proj"), x, mlpHidden));
  return linear(m.at("down_proj"), mul(m, gate, linear(m.at("up_proj"), x, mlpHidden)), hidden);
}

/** Cosines and sines of positions 0, 1, …: angle p · theta^(−2k/headDim); both `[tokens, headDim / 2]`. Pure. */
export function llamaRotaryTable({ headDim, ropeTheta }: LlamaConfig, tokens: number) {
  const width = headDim / 2;
  const angles = Float64Array.from({ length: tokens * width }, (_, at) => {
    return Math.floor(at / width) * ropeTheta ** (-2 * (at % width) / headDim);
  });
  return { cos: Float32Array.from(angles, Math.cos), sin: Float32Array.from(angles, Math.sin) };
}
