/** @module */
import type { Module, Value } from "../onnx/graph.ts";
import { add, mul, reshape } from "../onnx/operators.ts";

/**
 * GroupNorm (arXiv 1803.08494): mean and variance over the channels of a group and all places, then `weight` and `bias`
 * (`[channels]`).
 *
 * x `[1, channels, …]` → the same shape
 */
export function groupNorm(m: Module, x: Value, groups: number, epsilon: number): Value {
  const [, channels, ...sizes] = x.shape as number[];
  if (channels! % groups !== 0) throw m.mismatch("group norm", channels, `a multiple of ${groups}`);
  const grouped = reshape(m, x, [1, groups, "rest"]);
  const ones = m.filled(1, groups);
  const zeros = m.filled(0, groups);
  const normal = m.op("InstanceNormalization", [grouped, ones, zeros], grouped.shape, { epsilon: { float: epsilon } });
  const perChannel = [1, channels!, ...sizes.map(() => 1)];
  const weight = reshape(m, m.weight("weight", [channels!], x.dtype), perChannel);
  const bias = reshape(m, m.weight("bias", [channels!], x.dtype), perChannel);
  return add(m, mul(m, reshape(m, normal, x.shape), weight), bias);
}
