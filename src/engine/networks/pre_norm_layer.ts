/**
 * The layer that CLIP and SigLIP have in common.
 * @module
 */
import { gelu, geluTanh, quickGelu } from "../layers/activation.ts";
import { attention, type AttentionInputs } from "../layers/attention.ts";
import { causalAttention } from "../layers/causal_attention.ts";
import { linear } from "../layers/linear.ts";
import { layerNorm } from "../layers/norm.ts";
import type { Module, Value } from "../onnx/module.ts";
import { add } from "../onnx/operators.ts";
import type { PreNormConfig } from "./encoder_config.ts";

/**
 * A transformer layer that normalizes before attention and before the MLP (arXiv 2002.04745, figure 1b), as CLIP and
 * SigLIP name its parts. transformers `CLIPEncoderLayer`, `SiglipEncoderLayer`.
 *
 * x `[tokens, hidden]` → the same shape
 */
export function preNormLayer(m: Module, config: PreNormConfig, x: Value, sight: "causal" | "full"): Value {
  const attended = selfAttention(
    m.at("self_attn"),
    config,
    layerNorm(m.at("layer_norm1"), x, config.normEpsilon),
    sight,
  );
  const y = add(m, x, attended);
  return add(m, y, mlp(m.at("mlp"), config, layerNorm(m.at("layer_norm2"), y, config.normEpsilon)));
}

function selfAttention(m: Module, { hidden, heads }: PreNormConfig, x: Value, sight: "causal" | "full"): Value {
  const inputs: AttentionInputs = {
    query: linear(m.at("q_proj"), x, hidden),
    key: linear(m.at("k_proj"), x, hidden),
    value: linear(m.at("v_proj"), x, hidden),
  };
  const attended = sight === "causal"
    ? causalAttention(m, inputs, { query: heads, keyValue: heads })
    : attention(m, inputs, heads);
  return linear(m.at("out_proj"), attended, hidden);
}

function mlp(m: Module, config: PreNormConfig, x: Value): Value {
  const inner = activations[config.activation](m, linear(m.at("fc1"), x, config.mlpHidden));
  return linear(m.at("fc2"), inner, config.hidden);
}

const activations: Readonly<Record<PreNormConfig["activation"], (m: Module, x: Value) => Value>> = {
  "quick_gelu": (m, x) => quickGelu(m, x),
  "gelu": gelu,
  "gelu_pytorch_tanh": geluTanh,
};
