/** @module */
import type { Module, Value } from "../onnx/graph.ts";
import { padEdge } from "../onnx/operators.ts";

/** Steps of a convolution along each axis. */
export interface Stride {
  readonly frames: number;
  readonly rows: number;
  readonly columns: number;
}

/**
 * 3×3×3 convolution that is causal in time: the frame before the first is the first, rows and columns beyond the border are
 * the border (Magvit-v2, arXiv 2310.05737, section 3.2; diffusers `HunyuanVideoCausalConv3d`).
 * Weights `conv.weight [out, in, 3, 3, 3]`, `conv.bias [out]`.
 *
 * x `[1, in, frames, height, width]` → `[1, out, …]`
 */
export function causalConvolution(
  m: Module,
  x: Value,
  out: number,
  stride: Stride = { frames: 1, rows: 1, columns: 1 },
): Value {
  const [, inner, frames, height, width] = x.shape as number[];
  const padded = padEdge(m, x, [0, 0, 2, 1, 1], [0, 0, 0, 1, 1]);
  const steps = [stride.frames, stride.rows, stride.columns];
  const sizes = [frames!, height!, width!].map((size, axis) => Math.ceil(size / steps[axis]!));
  const weight = m.weight("conv.weight", [out, inner!, 3, 3, 3], x.dtype);
  const bias = m.weight("conv.bias", [out], x.dtype);
  return m.op("Conv", [padded, weight, bias], [1, out, ...sizes], { kernel_shape: [3, 3, 3], strides: steps });
}

/**
 * 1×1×1 convolution: a linear map of the channels at every place. Weights `weight [out, in, 1, 1, 1]`, `bias [out]`.
 *
 * x `[1, in, frames, height, width]` → `[1, out, …]`
 */
export function pointwiseConvolution(m: Module, x: Value, out: number): Value {
  const [, inner, ...sizes] = x.shape as number[];
  const weight = m.weight("weight", [out, inner!, 1, 1, 1], x.dtype);
  return m.op("Conv", [x, weight, m.weight("bias", [out], x.dtype)], [1, out, ...sizes], { kernel_shape: [1, 1, 1] });
}
