/** @module */
import type { Module, Value } from "../onnx/module.ts";
import { add, mul, reshape, transpose } from "../onnx/operators.ts";

/**
 * GroupNorm (arXiv 1803.08494) of a video: mean and variance over the channels of a group and all frames and places, then
 * `weight` and `bias` (`[channels]`).
 *
 * x `[frames, channels, height, width]` → the same shape
 */
export function groupNorm(m: Module, x: Value, groups: number, epsilon: number): Value {
  const [frames, channels, height, width] = x.shape as [number, number, number, number];
  if (channels % groups !== 0) throw m.mismatch("group norm", channels, `a multiple of ${groups}`);
  // ONNX Runtime has no kernel for GroupNormalization; InstanceNormalization has each group as one channel.
  const grouped = reshape(m, x, [frames, groups, channels / groups * height * width]);
  const instances = reshape(m, exchangeFirstAxes(m, grouped), [1, groups, "rest"]);
  const inputs = [instances, m.filled(1, groups), m.filled(0, groups)];
  const normal = m.op("InstanceNormalization", inputs, instances.shape, { epsilon: { float: epsilon } });
  const byGroup = reshape(m, normal, [groups, frames, grouped.shape[2]!]);
  const byFrame = reshape(m, exchangeFirstAxes(m, byGroup), x.shape);
  const [weight, bias] = ["weight", "bias"].map((name) =>
    reshape(m, m.weight(name, [channels], x.dtype), [1, channels, 1, 1])
  );
  return add(m, mul(m, byFrame, weight!), bias!);
}

/** One group or one frame has nothing to exchange: no copy. */
function exchangeFirstAxes(m: Module, x: Value): Value {
  const [first, second, rest] = x.shape as [number, number, number];
  return first === 1 || second === 1 ? reshape(m, x, [second, first, rest]) : transpose(m, x, [1, 0, 2]);
}
