import assert from "node:assert/strict";
import { assertSummary, runOnce, tinyCheckpoint, withBiases } from "../../../tests/tiny_network.ts";
import { clipTextStates, pooledRow } from "./clip.ts";
import type { ClipConfig } from "./encoder_config.ts";

const config: ClipConfig = {
  hidden: 32,
  mlpHidden: 64,
  layers: 2,
  heads: 4,
  normEpsilon: 1e-5,
  activation: "quick_gelu",
  vocabulary: 512,
  positions: 77,
  endId: 2,
};

const layer = {
  "layer_norm1": [32],
  "layer_norm2": [32],
  "self_attn.q_proj": [32, 32],
  "self_attn.k_proj": [32, 32],
  "self_attn.v_proj": [32, 32],
  "self_attn.out_proj": [32, 32],
  "mlp.fc1": [64, 32],
  "mlp.fc2": [32, 64],
};
const layers = [0, 1].flatMap((index) =>
  Object.entries(layer).map(([name, shape]) => [`text_model.encoder.layers.${index}.${name}`, shape])
);
const shapes = {
  "text_model.embeddings.token_embedding.weight": [512, 32],
  "text_model.embeddings.position_embedding.weight": [77, 32],
  ...withBiases({ ...Object.fromEntries(layers), "text_model.final_layer_norm": [32] }),
};

Deno.test("clipTextStates() equals transformers' CLIPTextModel", async () => {
  const ids = [510, 5, 99, 300, 42, ...Array<number>(72).fill(511)];
  const { states } = await runOnce(tinyCheckpoint(shapes), (m, graph) => {
    graph.output("states", clipTextStates(m, config, graph.input("ids", [77], "int64")));
  }, { ids: { dtype: "int64", shape: [77], data: BigInt64Array.from(ids, BigInt) } });
  const row = pooledRow(ids, config);
  assertSummary((states!.data as Float32Array).subarray(row * 32, (row + 1) * 32), {
    mean: -0.000017,
    std: 1.016105,
    max: 2.410482,
    values: [1.422441, -1.207922, -0.944523, 1.754955, 2.094683, -2.410482, -0.089017, 0.443956],
  });
});

Deno.test("pooledRow() is the first of the largest ids where the end id is the old files' 2", () => {
  assert.equal(pooledRow([510, 5, 511, 7, 511], { endId: 2 }), 2);
});

Deno.test("pooledRow() is the first end token elsewhere, and 0 where there is none", () => {
  assert.equal(pooledRow([510, 5, 300, 511, 300], { endId: 300 }), 2);
  assert.equal(pooledRow([510, 5], { endId: 300 }), 0);
});
