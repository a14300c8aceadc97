/** @module */
import type { Module, Value } from "../onnx/module.ts";
import { reshape } from "../onnx/operators.ts";
import type { AttentionInputs } from "./attention.ts";

/**
 * Attention in which a token sees itself and those before it. With fewer key than query heads, consecutive query heads
 * share one (grouped queries, arXiv 2305.13245). Scale 1/√headDim.
 *
 * query `[tokens, heads.query · headDim]`, key and value `[tokens, heads.keyValue · headDim]` → the query's shape
 */
export function causalAttention(
  m: Module,
  { query, key, value }: AttentionInputs,
  heads: { readonly query: number; readonly keyValue: number },
): Value {
  const batched = [query, key, value].map((x) => reshape(m, x, [1, ...x.shape]));
  const out = m.op("Attention", batched, batched[0]!.shape, {
    is_causal: 1,
    q_num_heads: heads.query,
    kv_num_heads: heads.keyValue,
  });
  return reshape(m, out, query.shape);
}
