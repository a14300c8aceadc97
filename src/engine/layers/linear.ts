/** @module */
import type { Module, Value } from "../onnx/graph.ts";
import { concat } from "../onnx/operators.ts";

/**
 * y = x Wᵀ + b with W `weight [out, in]` and, where the checkpoint has one, b `bias [out]`.
 * `Gemm(transB)` reads W as it lies in the file: no transposed copy.
 *
 * x `[tokens, in]` → `[tokens, out]`
 */
export function linear(m: Module, x: Value, out: number): Value {
  const [tokens, inner] = x.shape;
  if (x.shape.length !== 2) throw m.mismatch("linear", x.shape, ["tokens", "in"]);
  const inputs = [x, m.weight("weight", [out, inner as number], x.dtype)];
  if (m.has("bias")) inputs.push(m.weight("bias", [out], x.dtype));
  return m.op("Gemm", inputs, [tokens!, out], { transB: 1 });
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
  const [tokens, inner] = x.shape;
  const weights = layers.map(({ path, out }) => m.at(path).weight("weight", [out, inner as number]));
  const biases = layers.map(({ path, out }) => m.at(path).weight("bias", [out]));
  const out = layers.reduce((sum, layer) => sum + layer.out, 0);
  return m.op("Gemm", [x, concat(m, 0, ...weights), concat(m, 0, ...biases)], [tokens!, out], { transB: 1 });
}
