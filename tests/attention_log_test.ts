/** What the GPU benchmark reads out of ONNX Runtime's log. */
import assert from "node:assert/strict";
import { attentionKernels, requireFusedAttention } from "../bench/gpu/attention_log.ts";

/** As onnxruntime-gpu 1.31.1 writes it, colours left out. */
const log = `
2026-11-27 10:10:37.742142770 [V:onnxruntime:framecast, attention.cc:1799 ComputeInternal] ONNX Attention: using Flash Attention (batch=1, q_seq=12, total_seq=12, past=no)
2026-11-27 10:10:37.742240000 [V:onnxruntime:, sequential_executor.cc:613 ExecuteKernel] Launching kernel idx=12 name=x
2026-11-27 10:10:37.770439737 [V:onnxruntime:framecast, attention.cc:1799 ComputeInternal] ONNX Attention: using Flash Attention (batch=1, q_seq=212, total_seq=212, past=no)
2026-11-27 10:10:37.770539737 [V:onnxruntime:framecast, attention.cc:1799 ComputeInternal] ONNX Attention: using Flash Attention (batch=1, q_seq=212, total_seq=212, past=no)
2026-11-27 10:10:37.870539737 [V:onnxruntime:framecast, attention.cc:1822 ComputeInternal] ONNX Attention: using Memory Efficient Attention
`;

Deno.test("attentionKernels() counts runs by kernel, of all sizes or of one", () => {
  assert.deepEqual(attentionKernels(log), { "Flash Attention": 3, "Memory Efficient Attention": 1 });
  assert.deepEqual(attentionKernels(log, 212), { "Flash Attention": 2 });
  assert.deepEqual(attentionKernels(log, 13), {});
  assert.deepEqual(attentionKernels("nothing of the kind"), {});
});

Deno.test("requireFusedAttention() names what was taken instead, and wants to have seen some", () => {
  requireFusedAttention({ "Flash Attention": 60 });
  requireFusedAttention({ "cuDNN SDPA": 60 });
  assert.throws(() => requireFusedAttention({ "Flash Attention": 59, "Memory Efficient Attention": 1 }), {
    message: "Attention took Memory Efficient Attention instead of Flash Attention or cuDNN SDPA",
  });
  assert.throws(() => requireFusedAttention({}), { message: "The log tells of no attention: was it verbose?" });
});
