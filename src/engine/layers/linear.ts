/** @module */
import { castTo, type Module, type Value } from "../onnx/module.ts";
import type { Int4Matrix } from "../onnx/graph.ts";
import { int4Block } from "../onnx/int4.ts";
import { concat } from "../onnx/operators.ts";
import type { Weight } from "../onnx/safetensors.ts";
import type { DType } from "../onnx/tensor.ts";

/**
 * y = x Wᵀ + b with W `weight [out, in]` and, where the checkpoint has one, b `bias [out]`.
 * `Gemm(transB)` reads W as it lies in the file: no transposed copy.
 *
 * x `[tokens, in]` → `[tokens, out]`
 */
export function linear(m: Module, x: Value, out: number): Value {
  const [, inner] = x.shape;
  if (x.shape.length !== 2) throw m.mismatch("linear", x.shape, ["tokens", "in"]);
  const weight = m.find("weight", [out, inner as number]);
  const bias = m.has("bias") ? m.weight("bias", [out], x.dtype) : undefined;
  return product(m, x, [weight], bias);
}

/**
 * Several linear layers of the same input as one matrix product: their weights are stacked once, when the graph is
 * compiled. The caller splits the result.
 *
 * x `[tokens, in]` → `[tokens, Σ out]`
 */
export function stackedLinear(
  m: Module,
  x: Value,
  layers: readonly { readonly path: string; readonly out: number }[],
): Value {
  const [, inner] = x.shape;
  const find = (name: "weight" | "bias", ...rest: number[]) =>
    layers.map(({ path, out }) => m.at(path).find(name, [out, ...rest]));
  const weights = find("weight", inner as number);
  return m.graph.canStack(weights)
    ? product(m, x, weights, stack(m, find("bias"), x.dtype))
    : concat(m, 1, ...layers.map(({ path, out }) => linear(m.at(path), x, out)));
}

/** x Wᵀ + b, W of matrices one below the other, and what an adapter beside them adds. */
function product(m: Module, x: Value, weights: readonly Weight[], bias: Value | undefined): Value {
  const out = weights.reduce((sum, { shape }) => sum + shape[0]!, 0);
  const packed = m.graph.int4(weights);
  const y = packed ? int4Product(m, x, packed, out, bias) : gemm(m, x, stack(m, weights, x.dtype), bias);
  const side = m.graph.side(weights);
  if (!side) return y;
  return gemm(m, gemm(m, x, castTo(m, side.down, x.dtype)), castTo(m, side.up, x.dtype), y);
}

/** x Wᵀ + c */
function gemm(m: Module, x: Value, weight: Value, c?: Value): Value {
  const shape = [x.shape[0]!, weight.shape[0]!];
  return m.op("Gemm", c ? [x, weight, c] : [x, weight], shape, { transB: 1 });
}

/** Weights one below the other: one input where weights are inputs, else joined when the graph is compiled. */
function stack(m: Module, weights: readonly Weight[], dtype: DType): Value {
  return m.stackedInput(weights, dtype) ?? concat(m, 0, ...weights.map((weight) => m.numbersOf(weight, dtype)));
}

/** The same with matrices in 4 bits, which the operator unpacks. */
function int4Product(
  m: Module,
  x: Value,
  matrices: readonly Int4Matrix[],
  out: number,
  bias: Value | undefined,
): Value {
  const [tokens, inner] = x.shape;
  const numbers = concat(m, 0, ...matrices.map(({ numbers }) => numbers));
  const scales = castTo(m, concat(m, 0, ...matrices.map(({ scales }) => scales)), x.dtype);
  const [zeroPoints, groups] = [undefined, undefined];
  return m.graph.nodes(
    m.path,
    "MatMulNBits",
    [x, numbers, scales, zeroPoints, groups, bias],
    [{ dtype: x.dtype, shape: [tokens!, out] }],
    { domain: "com.microsoft", attributes: { K: inner as number, N: out, bits: 4, "block_size": int4Block } },
  )[0]!;
}
