/** @module */
import type { Module, Value } from "../onnx/module.ts";
import { reshape } from "../onnx/operators.ts";

export interface AttentionInputs {
  /** `[tokens, heads · headDim]` */
  readonly query: Value;
  readonly key: Value;
  readonly value: Value;
}

/**
 * Scaled dot-product attention (arXiv 1706.03762, equation 1), every token sees every token, scale 1/√headDim.
 * `MultiHeadAttention` measured fastest on CPU (it alone has a flash path there) and is Flash for float16 on CUDA; for
 * bfloat16 the standard `Attention` is the one that reaches it there.
 *
 * → `[tokens, heads · headDim]`
 */
export function attention(m: Module, { query, key, value }: AttentionInputs, heads: number): Value {
  const batched = [query, key, value].map((x) => reshape(m, x, [1, ...x.shape]));
  const shape = batched[0]!.shape;
  const out = m.graph.computeDType === "bfloat16"
    ? m.op("Attention", batched, shape, { q_num_heads: heads, kv_num_heads: heads })
    : m.op("MultiHeadAttention", batched, shape, { num_heads: heads }, { domain: "com.microsoft" });
  return reshape(m, out, query.shape);
}
