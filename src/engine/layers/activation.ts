/** @module */
import type { Module, Value } from "../onnx/module.ts";

/** x σ(x) (arXiv 1702.03118). */
export const silu = (m: Module, x: Value): Value => quickGelu(m, x, 1);

/** x σ(alpha x), CLIP's approximation of GELU for alpha 1.702. */
export const quickGelu = (m: Module, x: Value, alpha = 1.702): Value =>
  m.op("QuickGelu", [x], x.shape, { alpha: { float: alpha } }, { domain: "com.microsoft" });

/** GELU, tanh form: 0.5 x (1 + tanh(√(2/π) (x + 0.044715 x³))) (arXiv 1606.08415, section 2). */
export const geluTanh = (m: Module, x: Value): Value => m.op("Gelu", [x], x.shape, { approximate: "tanh" });

/** GELU, exact form: x Φ(x). */
export const gelu = (m: Module, x: Value): Value => m.op("Gelu", [x], x.shape, { approximate: "none" });
