import { assertSummary, runOnce, tinyCheckpoint, tinyInput, withBiases } from "../../../tests/tiny_network.ts";
import type { SiglipConfig } from "./encoder_config.ts";
import { siglipStates } from "./siglip.ts";

/** 62 px in patches of 14: as in the published network, 6 pixels of each row and column are not looked at. */
const config: SiglipConfig = {
  hidden: 48,
  mlpHidden: 96,
  layers: 2,
  heads: 4,
  normEpsilon: 1e-6,
  activation: "gelu_pytorch_tanh",
  imageSidePx: 62,
  patchSidePx: 14,
  patchesPerSide: 4,
};

const layer = {
  "layer_norm1": [48],
  "layer_norm2": [48],
  "self_attn.q_proj": [48, 48],
  "self_attn.k_proj": [48, 48],
  "self_attn.v_proj": [48, 48],
  "self_attn.out_proj": [48, 48],
  "mlp.fc1": [96, 48],
  "mlp.fc2": [48, 96],
};
const layers = [0, 1].flatMap((index) =>
  Object.entries(layer).map(([name, shape]) => [`vision_model.encoder.layers.${index}.${name}`, shape])
);
const shapes = {
  "vision_model.embeddings.position_embedding.weight": [16, 48],
  ...withBiases({
    "vision_model.embeddings.patch_embedding": [48, 3, 14, 14],
    ...Object.fromEntries(layers),
    "vision_model.post_layernorm": [48],
  }),
};

Deno.test("siglipStates() equals transformers' SiglipVisionModel", async () => {
  const { states } = await runOnce(tinyCheckpoint(shapes), (m, graph) => {
    graph.output("states", siglipStates(m, config, graph.input("pixels", [3, 62, 62])));
  }, { pixels: tinyInput("pixel_values", [3, 62, 62]) });
  assertSummary(states!.data as Float32Array, {
    mean: 0.009566,
    std: 1.004517,
    max: 3.175410,
    values: [-0.619785, 0.209423, 0.922639, -0.268665, 0.800152, 1.031379, -0.422828, 0.753141],
  });
});
