/** @module */
import type { Module, Value } from "../onnx/module.ts";

/**
 * LayerNorm (arXiv 1607.06450) over the last axis with the checkpoint's own `weight` and `bias` (`[width]`).
 * Statistics in float32 whatever the compute dtype.
 */
export function layerNorm(m: Module, x: Value, epsilon: number): Value {
  const width = x.shape.at(-1) as number;
  return normalize(m, x, m.weight("weight", [width]), m.weight("bias", [width]), epsilon);
}

/**
 * The same with scale and shift that come from the condition: LN(x) · scale + shift in one operator.
 * x `[tokens, width]`, scale and shift `[width]`.
 */
export const modulatedLayerNorm = (m: Module, x: Value, scale: Value, shift: Value, epsilon: number): Value =>
  normalize(m, x, scale, shift, epsilon);

/** RMSNorm (arXiv 1910.07467) over the last axis with `weight [width]`; statistics in float32. */
export function rmsNorm(m: Module, x: Value, epsilon: number): Value {
  const width = x.shape.at(-1) as number;
  return m.op("RMSNormalization", [x, m.weight("weight", [width])], x.shape, { axis: -1, epsilon: { float: epsilon } });
}

const normalize = (m: Module, x: Value, scale: Value, shift: Value, epsilon: number) =>
  m.op("LayerNormalization", [x, scale, shift], x.shape, { axis: -1, epsilon: { float: epsilon } });
