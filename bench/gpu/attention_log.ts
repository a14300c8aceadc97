/**
 * Which attention kernels ONNX Runtime's CUDA provider chose, out of its verbose log.
 * @module
 */

/** Runs of the standard `Attention` operator by the kernel that each took, as the log calls it. */
export type AttentionKernels = Readonly<Record<string, number>>;

/**
 * One line for each run: `ONNX Attention: using Flash Attention (batch=1, q_seq=…, total_seq=…, past=no)`
 * (onnxruntime/core/providers/cuda/llm/attention.cc). What the log holds besides does not matter.
 *
 * @param queryTokens only runs on as many tokens; default: all
 */
export function attentionKernels(log: string, queryTokens?: number): AttentionKernels {
  const kernels: Record<string, number> = {};
  for (const [, kernel, rest] of log.matchAll(/ONNX Attention: using ([^(\n]+?)\s*(?:\(([^)\n]*)\)|$)/gm)) {
    const [, tokens] = /\bq_seq=(\d+)/.exec(rest ?? "") ?? [];
    if (queryTokens !== undefined && Number(tokens) !== queryTokens) continue;
    kernels[kernel!] = (kernels[kernel!] ?? 0) + 1;
  }
  return kernels;
}

/** Kernels that do not write the matrix of all weights to memory. */
const fused = ["Flash Attention", "cuDNN SDPA"];

/** @throws Error naming the kernels when one was not fused, or when there was none */
export function requireFusedAttention(kernels: AttentionKernels): void {
  const others = Object.keys(kernels).filter((kernel) => !fused.includes(kernel));
  if (others.length > 0) throw new Error(`Attention took ${others.join(", ")} instead of ${fused.join(" or ")}`);
  if (Object.keys(kernels).length === 0) throw new Error("The log tells of no attention: was it verbose?");
}
