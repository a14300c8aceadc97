/**
 * CLIP's text tower (arXiv 2103.00020, section 2.4). transformers `CLIPTextModel`.
 * @module
 */
import { layerNorm } from "../layers/norm.ts";
import { preNormLayer } from "./pre_norm_layer.ts";
import { castTo, type Module, type Value } from "../onnx/module.ts";
import { add, gather, slice } from "../onnx/operators.ts";
import type { ClipConfig } from "./encoder_config.ts";

/** ids `[tokens]` (int64), at most `positions` of them → states `[tokens, hidden]` */
export function clipTextStates(m: Module, config: ClipConfig, ids: Value): Value {
  let x = embeddings(m.at("text_model.embeddings"), config, ids);
  for (const layer of m.each("text_model.encoder.layers", config.layers)) x = preNormLayer(layer, config, x, "causal");
  return layerNorm(m.at("text_model.final_layer_norm"), x, config.normEpsilon);
}

function embeddings(m: Module, { vocabulary, positions, hidden }: ClipConfig, ids: Value): Value {
  const tokens = gather(m, m.storedWeight("token_embedding.weight", [vocabulary, hidden]), ids);
  const places = m.weight("position_embedding.weight", [positions, hidden]);
  return add(m, castTo(m, tokens, m.graph.computeDType), slice(m, places, 0, 0, ids.shape[0] as number));
}

/**
 * The row that stands for the whole prompt: the first end token. Files whose end id is 2 mean the first of the largest
 * ids, which is the end token all the same.
 */
export function pooledRow(ids: readonly number[], { endId }: Pick<ClipConfig, "endId">): number {
  const wanted = endId === 2 ? ids.reduce((largest, id) => Math.max(largest, id), 0) : endId;
  return Math.max(0, ids.indexOf(wanted)); // transformers takes the first row where there is no end token
}
