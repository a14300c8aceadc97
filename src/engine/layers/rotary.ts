/** @module */
import { castTo, type Module, type Value } from "../onnx/module.ts";
import { reshape } from "../onnx/operators.ts";

/** Cosines and sines of the rotation of each token, one per pair of channels: both `[tokens, headDim / 2]`, float32. */
export interface RotaryTable {
  readonly cos: Value;
  readonly sin: Value;
}

/**
 * Rotary position embedding (arXiv 2104.09864, section 3.4.2) on pairs of channels of every head:
 * `interleaved` pairs (0,1), (2,3), … as the video transformer, `halves` pairs (k, k + headDim/2) as LLaMA.
 *
 * Calculated in float32 whatever the compute dtype, as the reference does.
 *
 * x `[tokens, heads · headDim]` → the same shape
 */
export function rotary(
  m: Module,
  x: Value,
  { cos, sin }: RotaryTable,
  heads: number,
  pairs: "interleaved" | "halves",
): Value {
  const batched = [castTo(m, x, "float32"), cos, sin].map((value) => reshape(m, value, [1, ...value.shape]));
  const attributes = { interleaved: pairs === "interleaved" ? 1 : 0, "num_heads": heads };
  const rotated = m.op("RotaryEmbedding", batched, batched[0]!.shape, attributes);
  return castTo(m, reshape(m, rotated, x.shape), x.dtype);
}
