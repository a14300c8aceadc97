import assert from "node:assert/strict";
import { assertSummary, runOnce, tinyCheckpoint } from "../../../tests/tiny_network.ts";
import { float32Tensor } from "../onnx/tensor.ts";
import type { LlamaConfig } from "./encoder_config.ts";
import { llamaRotaryTable, llamaStates } from "./llama.ts";

const config: LlamaConfig = {
  hidden: 64,
  mlpHidden: 160,
  layers: 4,
  queryHeads: 4,
  keyValueHeads: 2,
  headDim: 16,
  vocabulary: 512,
  normEpsilon: 1e-5,
  ropeTheta: 5e5,
};

/** The last two layers and the final norm are missing: they must not be asked for. */
const shapes = {
  "embed_tokens.weight": [512, 64],
  ...Object.fromEntries([0, 1].flatMap((layer) =>
    Object.entries({
      "self_attn.q_proj": [64, 64],
      "self_attn.k_proj": [32, 64],
      "self_attn.v_proj": [32, 64],
      "self_attn.o_proj": [64, 64],
      "mlp.gate_proj": [160, 64],
      "mlp.up_proj": [160, 64],
      "mlp.down_proj": [64, 160],
      "input_layernorm": [64],
      "post_attention_layernorm": [64],
    }).map(([name, shape]) => [`layers.${layer}.${name}.weight`, shape])
  )),
};

async function statesOf(ids: readonly number[]): Promise<Float32Array> {
  const { cos, sin } = llamaRotaryTable(config, ids.length);
  const { states } = await runOnce(tinyCheckpoint(shapes), (m, graph) => {
    const rope = { cos: graph.input("cos", ["tokens", 8]), sin: graph.input("sin", ["tokens", 8]) };
    graph.output("states", llamaStates(m, config, graph.input("ids", ["tokens"], "int64"), rope));
  }, {
    ids: { dtype: "int64", shape: [ids.length], data: BigInt64Array.from(ids, BigInt) },
    cos: float32Tensor([ids.length, 8], cos),
    sin: float32Tensor([ids.length, 8], sin),
  });
  return states!.data as Float32Array;
}

const ids = Array.from({ length: 12 }, (_, i) => (7 * i * i + 3 * i + 11) % 512);

Deno.test("llamaStates() equals hidden_states[-3] of transformers' LlamaModel", async () => {
  assertSummary(await statesOf(ids), {
    mean: -0.248911,
    std: 1.440270,
    max: 5.799434,
    values: [-0.626212, -2.303611, 1.284981, -1.652711, -1.047465, -0.261265, -0.200835, -0.898811],
  });
});

Deno.test("llamaStates() of a token do not depend on the tokens after it", async () => {
  const [all, first] = [await statesOf(ids), await statesOf(ids.slice(0, 5))];
  const largest = first.reduce((max, value, at) => Math.max(max, Math.abs(value - all[at]!)), 0);
  assert.ok(largest < 1e-5, `states differ by ${largest}`);
});

Deno.test("llamaRotaryTable() turns channel pair k of position p by p theta^(-2k/headDim)", () => {
  const { cos, sin } = llamaRotaryTable({ ...config, headDim: 4, ropeTheta: 100 }, 3);
  assert.deepEqual([...cos.subarray(0, 2), ...sin.subarray(0, 2)], [1, 1, 0, 0]);
  assert.deepEqual([...cos.subarray(4)], [Math.cos(2), Math.cos(0.2)].map(Math.fround));
  assert.deepEqual([...sin.subarray(4)], [Math.sin(2), Math.sin(0.2)].map(Math.fround));
});
