/**
 * What the published transformer computes in on an accelerator: bfloat16, and float32 where the reference has it
 * (rotations, sums of the text, the last projection). Read from the graphs themselves, at the published sizes; the weights
 * are names and shapes only.
 */
import assert from "node:assert/strict";
import { packedTransformerShapes, publishedTransformer } from "../bench/published_transformer.ts";
import { parseTransformerConfig } from "../src/engine/networks/transformer_config.ts";
import type { GraphSpec, NodeSpec } from "../src/engine/onnx/model_proto.ts";
import type { Checkpoint } from "../src/engine/onnx/safetensors.ts";
import type { DType } from "../src/engine/onnx/tensor.ts";
import * as graphs from "../src/engine/transformer_graphs.ts";

const shapes = packedTransformerShapes();
const checkpoint: Checkpoint = {
  get: (name) => ({ name, dtype: "bfloat16", shape: shapes[name]!, source: { bytes: new Uint8Array() } }),
  has: (name) => name in shapes,
  names: () => Object.keys(shapes),
  readFloat32: () => assert.fail("no weight is read"),
  metadata: {},
};
const config = parseTransformerConfig(publishedTransformer);
const source: graphs.TransformerSource = { config, checkpoint, computeDType: "bfloat16" };
/** 608 × 640 pixels. */
const section: graphs.SectionShape = { window: [9, 80, 76], history: { "1x": 2, "2x": 2, "4x": 16 } };

/** Each kind of node once: `Op(dtypes of its inputs) → dtypes of its outputs`, sorted; sizes and axes are not listed. */
function kinds(spec: GraphSpec): string[] {
  const dtypes = new Map<string, DType>(
    [...spec.inputs, ...spec.initializers].map(({ name, dtype }) => [name, dtype]),
  );
  for (const { outputs, outputDTypes } of spec.nodes) {
    outputs.forEach((name, at) => dtypes.set(name, outputDTypes[at]!));
  }
  const short = (dtype: DType) => ({ bfloat16: "bf16", float32: "f32" } as Record<string, string>)[dtype] ?? dtype;
  const kind = ({ op, inputs, outputDTypes }: NodeSpec) => {
    const taken = inputs.map((name) => dtypes.get(name)!).filter((dtype) => dtype !== "int64").map(short);
    return `${op}(${taken.join(" ")}) → ${outputDTypes.map(short).join(" ")}`;
  };
  return [...new Set(spec.nodes.map(kind))].sort();
}

const ports = ({ inputs, outputs }: GraphSpec) =>
  Object.fromEntries([...inputs, ...outputs].map(({ name, dtype }) => [name, dtype]));

Deno.test("the blocks compute in bfloat16, turn in float32 and end in float32", () => {
  const spec = graphs.blocksGraph(source, section);
  assert.deepEqual(kinds(spec), [
    "Add(bf16 bf16) → bf16",
    "Attention(bf16 bf16 bf16) → bf16",
    "Cast(bf16) → f32",
    "Cast(f32) → bf16",
    "Concat(bf16 bf16 bf16 bf16) → bf16",
    "Concat(bf16 bf16 bf16) → bf16",
    "Concat(bf16 bf16) → bf16",
    "Gather(bf16) → bf16",
    "Gelu(bf16) → bf16",
    "Gemm(bf16 bf16 bf16) → bf16",
    "Gemm(f32 f32 f32) → f32",
    "Identity(bf16) → bf16",
    "Identity(f32) → f32",
    "LayerNormalization(bf16 bf16 bf16) → bf16",
    "Mul(bf16 bf16) → bf16",
    "RMSNormalization(bf16 bf16) → bf16",
    "Reshape(bf16) → bf16",
    "Reshape(f32) → f32",
    "RotaryEmbedding(f32 f32 f32) → f32",
    "Slice(bf16) → bf16",
    "Split(bf16) → bf16 bf16 bf16",
    "Split(bf16) → bf16 bf16 bf16 bf16",
    "Sub(bf16 bf16) → bf16",
    "Transpose(f32) → f32",
  ]);
  const inFloat32 = spec.nodes.filter(({ op, outputDTypes: [dtype] }) => op === "Gemm" && dtype === "float32");
  assert.deepEqual(inFloat32.map(({ name }) => name), ["proj_out/Gemm"]);
  assert.deepEqual(ports(spec), {
    image: "bfloat16",
    context: "bfloat16",
    modulations: "bfloat16",
    cos: "float32",
    sin: "float32",
    velocity: "float32",
    residual: "bfloat16",
  });
});

Deno.test("norms keep their statistics in float32", () => {
  const norms = graphs.blocksGraph(source, section).nodes.filter(({ op }) => op.endsWith("Normalization"));
  // Attribute stash_type: 1, its default, is float32.
  for (const { name, attributes } of norms) assert.ok(!("stash_type" in attributes), name);
  assert.equal(norms.length, 20 * (4 + 4) + 40 * (1 + 2) + 1);
});

Deno.test("every attention of the blocks is one that Flash can take", () => {
  const attentions = graphs.blocksGraph(source, section).nodes.filter(({ op }) => /Attention/.test(op));
  assert.equal(attentions.length, config.dualBlocks + config.singleBlocks);
  for (const { name, op, domain, inputs, outputs, attributes } of attentions) {
    // ONNX Runtime's CUDA kernel: no mask, no output but the result, heads of a multiple of 8 up to 256, 16-bit numbers.
    assert.deepEqual([op, domain, inputs.length, outputs.length], ["Attention", undefined, 3, 1], name);
    assert.deepEqual(attributes, { "q_num_heads": 24, "kv_num_heads": 24 }, name);
    assert.ok(config.headDim % 8 === 0 && config.headDim <= 256);
  }
});

Deno.test("what comes from the host is float32, and what goes from graph to graph bfloat16", () => {
  assert.deepEqual(ports(graphs.imageProjectionGraph(source)), { image: "float32", projected: "bfloat16" });
  assert.deepEqual(ports(graphs.tokenRefinerGraph(source)), {
    text: "float32",
    timestep: "float32",
    projected: "bfloat16",
    context: "bfloat16",
  });
  assert.deepEqual(ports(graphs.modulationGraph(source)), {
    timestep: "float32",
    guidance: "float32",
    pooled: "float32",
    modulations: "bfloat16",
  });
  assert.deepEqual(ports(graphs.historyGraph(source, section)), {
    "1x": "float32",
    "2x": "float32",
    "4x": "float32",
    history: "bfloat16",
  });
  assert.deepEqual(ports(graphs.windowGraph(source, section)), {
    latents: "float32",
    history: "bfloat16",
    image: "bfloat16",
  });
});

Deno.test("no operator is asked for bfloat16 that CUDA lacks in it", () => {
  const all = [
    graphs.imageProjectionGraph(source),
    graphs.tokenRefinerGraph(source),
    graphs.modulationGraph(source),
    ...[
      graphs.historyGraph,
      graphs.windowGraph,
      graphs.modulatedInputGraph,
      graphs.skippedStepGraph,
      graphs.blocksGraph,
    ]
      .map((build) => build(source, section)),
  ];
  // No bfloat16 kernel in ONNX Runtime's CUDA provider: these would go to the CPU.
  const lacking = /^(Pad|ReduceMean|ReduceMax|Resize|InstanceNormalization|MultiHeadAttention|BitCast|Swish)\(.*bf16/;
  assert.deepEqual(all.flatMap(kinds).filter((kind) => lacking.test(kind)), []);
  assert.ok(all.flatMap(kinds).includes("Pad(f32) → f32"));
  assert.ok(all.flatMap(kinds).includes("ReduceMean(f32) → f32"));
});
