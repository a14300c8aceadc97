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
  const stacked = (name: "weight" | "bias", ...rest: number[]) =>
    stack(m, layers.map(({ path, out }) => ({ name: `${path}.${name}`, shape: [out, ...rest] })));
  const out = layers.reduce((sum, layer) => sum + layer.out, 0);
  return m.op("Gemm", [x, stacked("weight", inner as number), stacked("bias")], [tokens!, out], { transB: 1 });
}

/** Weights one below the other: one input where weights are inputs, else joined when the graph is compiled. */
function stack(m: Module, parts: readonly { readonly name: string; readonly shape: readonly number[] }[]): Value {
  return m.stackedInput(parts) ?? concat(m, 0, ...parts.map(({ name, shape }) => m.weight(name, shape)));
}
