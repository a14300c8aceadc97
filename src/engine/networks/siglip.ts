/**
 * SigLIP's vision tower (arXiv 2303.15343): a plain ViT (arXiv 2010.11929) without class token.
 * transformers `SiglipVisionModel`. The pooling head is not used.
 * @module
 */
import { layerNorm } from "../layers/norm.ts";
import { preNormLayer } from "./pre_norm_layer.ts";
import type { Module, Value } from "../onnx/module.ts";
import { add, reshape, slice, transpose } from "../onnx/operators.ts";
import type { SiglipConfig } from "./encoder_config.ts";

/** pixels `[3, imageSidePx, imageSidePx]` → states `[patchesPerSide², hidden]` */
export function siglipStates(m: Module, config: SiglipConfig, pixels: Value): Value {
  let x = embeddings(m.at("vision_model.embeddings"), config, pixels);
  for (const layer of m.each("vision_model.encoder.layers", config.layers)) x = preNormLayer(layer, config, x, "full");
  return layerNorm(m.at("vision_model.post_layernorm"), x, config.normEpsilon);
}

function embeddings(m: Module, config: SiglipConfig, pixels: Value): Value {
  const places = m.weight("position_embedding.weight", [config.patchesPerSide ** 2, config.hidden]);
  return add(m, patchEmbedding(m.at("patch_embedding"), config, pixels), places);
}

/** A convolution whose stride equals its kernel, as a matrix product: each patch becomes one row. */
function patchEmbedding(m: Module, { hidden, patchSidePx, patchesPerSide }: SiglipConfig, pixels: Value): Value {
  const usedPx = patchesPerSide * patchSidePx;
  const used = slice(m, slice(m, pixels, 1, 0, usedPx), 2, 0, usedPx);
  // [channel, patch row, row, patch column, column] → [patch row, patch column, channel, row, column]
  const cells = reshape(m, used, [3, patchesPerSide, patchSidePx, patchesPerSide, patchSidePx]);
  const patchSize = 3 * patchSidePx ** 2;
  const patches = reshape(m, transpose(m, cells, [1, 3, 0, 2, 4]), [patchesPerSide ** 2, patchSize]);
  const weight = reshape(m, m.weight("weight", [hidden, 3, patchSidePx, patchSidePx]), [hidden, patchSize]);
  return m.op("Gemm", [patches, weight, m.weight("bias", [hidden])], [patchesPerSide ** 2, hidden], { transB: 1 });
}
