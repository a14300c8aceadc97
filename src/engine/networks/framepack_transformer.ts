/**
 * FramePack's video transformer (arXiv 2504.12626) on the HunyuanVideo architecture (arXiv 2412.03603, section 4.2):
 * dual-stream blocks, then single-stream blocks, over the packed history and the window being denoised.
 * FramePack `HunyuanVideoTransformer3DModelPacked`. Batch 1: sequences carry no batch axis and need no mask.
 *
 * What does not change from step to step or from section to section is computed by graphs of its own
 * (`condition_embedders.ts`, `history_packing.ts`) and comes in here as an input.
 * @module
 */
import { geluTanh } from "../layers/activation.ts";
import { attention } from "../layers/attention.ts";
import { linear, stackedLinear } from "../layers/linear.ts";
import { modulatedLayerNorm, rmsNorm } from "../layers/norm.ts";
import { rotary, type RotaryTable } from "../layers/rotary.ts";
import { castTo, type Module, type Value } from "../onnx/module.ts";
import { add, concat, inParts, mul, reshape, slice, split } from "../onnx/operators.ts";
import type { Modulations } from "./modulation.ts";
import type { TransformerConfig } from "./transformer_config.ts";

const normEpsilon = 1e-6;

/** Both sides of the joint sequence. image `[imageTokens, hidden]`, context `[contextTokens, hidden]`. */
export interface Streams {
  readonly image: Value;
  readonly context: Value;
}

/** Sees intermediate values while the graph is built. */
export type Tap = (name: string, values: Streams | { readonly image: Value }) => void;

/** Cosines and sines of every token of the joint sequence `[image | context]`; context tokens do not turn. */
export type JointRotary = RotaryTable;

/**
 * All blocks. `tap` sees the streams after each one.
 *
 * image `[imageTokens, hidden]` = 4×, 2×, 1× history, then the window; context = image projection, then text
 */
export function transformerBlocks(
  m: Module,
  config: TransformerConfig,
  start: Streams,
  modulations: Modulations,
  rope: JointRotary,
  tap: Tap = () => {},
): Streams {
  let streams = start;
  for (const [index, block] of [...m.each("transformer_blocks", config.dualBlocks)].entries()) {
    streams = dualStreamBlock(block, config, streams, modulations, rope);
    tap(`dual${index}`, streams);
  }
  const imageTokens = start.image.shape[0] as number;
  let joint = concat(m, 0, streams.image, streams.context);
  for (const [index, block] of [...m.each("single_transformer_blocks", config.singleBlocks)].entries()) {
    joint = singleStreamBlock(block, config, joint, modulations, rope);
    tap(`single${index}`, separate(block, joint, imageTokens));
  }
  return separate(m, joint, imageTokens);
}

/**
 * Image and context keep their own weights and meet in one joint attention. diffusers `HunyuanVideoTransformerBlock`.
 * @param mlpChunks into how many parts of the image's tokens the MLP is cut
 */
export function dualStreamBlock(
  m: Module,
  config: TransformerConfig,
  { image, context }: Streams,
  modulations: Modulations,
  rope: JointRotary,
  mlpChunks = 1,
): Streams {
  const imageMod = modulations.dual(m.at("norm1"));
  const contextMod = modulations.dual(m.at("norm1_context"));

  const attended = jointAttention(m.at("attn"), config, {
    image: modulatedLayerNorm(m.at("norm1"), image, imageMod.attention.scale, imageMod.attention.shift, normEpsilon),
    context: modulatedLayerNorm(
      m.at("norm1_context"),
      context,
      contextMod.attention.scale,
      contextMod.attention.shift,
      normEpsilon,
    ),
  }, rope);

  return {
    image: feedForward(
      m.at("ff"),
      config,
      gated(m, image, attended.image, imageMod.attention.gate),
      imageMod.mlp,
      mlpChunks,
    ),
    context: feedForward(
      m.at("ff_context"),
      config,
      gated(m, context, attended.context, contextMod.attention.gate),
      contextMod.mlp,
    ),
  };
}

/** Every token of both streams sees every token of both; only image tokens turn with their position. */
function jointAttention(m: Module, config: TransformerConfig, { image, context }: Streams, rope: JointRotary): Streams {
  const own = queryKeyValue(m, config, image, ["to_q", "to_k", "to_v"]);
  const added = queryKeyValue(m, config, context, ["add_q_proj", "add_k_proj", "add_v_proj"]);
  const query = concat(
    m,
    0,
    headNorm(m.at("norm_q"), config, own.query),
    headNorm(m.at("norm_added_q"), config, added.query),
  );
  const key = concat(
    m,
    0,
    headNorm(m.at("norm_k"), config, own.key),
    headNorm(m.at("norm_added_k"), config, added.key),
  );
  const out = attention(m, {
    query: rotary(m, query, rope, config.heads, "interleaved"),
    key: rotary(m, key, rope, config.heads, "interleaved"),
    value: concat(m, 0, own.value, added.value),
  }, config.heads);
  const parts = separate(m, out, image.shape[0] as number);
  return {
    image: linear(m.at("to_out.0"), parts.image, config.hidden),
    context: linear(m.at("to_add_out"), parts.context, config.hidden),
  };
}

/**
 * Attention and MLP side by side on the joint sequence. diffusers `HunyuanVideoSingleTransformerBlock`.
 * @param mlpChunks into how many parts of the tokens the MLP is cut; in one it shares its input's product with the attention
 */
export function singleStreamBlock(
  m: Module,
  config: TransformerConfig,
  x: Value,
  modulations: Modulations,
  rope: JointRotary,
  mlpChunks = 1,
): Value {
  const { hidden, mlpHidden, heads } = config;
  const { scale, shift, gate } = modulations.single(m.at("norm"));
  const normed = modulatedLayerNorm(m.at("norm"), x, scale, shift, normEpsilon);
  const layers = [
    { path: "attn.to_q", out: hidden },
    { path: "attn.to_k", out: hidden },
    { path: "attn.to_v", out: hidden },
    ...(mlpChunks === 1 ? [{ path: "proj_mlp", out: mlpHidden }] : []),
  ];
  const [query, key, value, mlp] = split(m, stackedLinear(m, normed, layers), 1, layers.map(({ out }) => out)) as [
    Value,
    Value,
    Value,
    Value?,
  ];
  const attended = attention(m.at("attn"), {
    query: rotary(m, headNorm(m.at("attn.norm_q"), config, query), rope, heads, "interleaved"),
    key: rotary(m, headNorm(m.at("attn.norm_k"), config, key), rope, heads, "interleaved"),
    value,
  }, heads);
  const join = (attended: Value, mlp: Value) =>
    linear(m.at("proj_out"), concat(m, 1, attended, geluTanh(m, mlp)), hidden);
  // In parts side by side, for else ONNX Runtime would begin with an MLP, and hold what it made during the attention.
  const update = mlp ? join(attended, mlp) : inParts(m, mlpChunks, concat(m, 1, attended, normed), (part) => {
    const [attended, normed] = split(m, part, 1, [hidden, hidden]) as [Value, Value];
    return join(attended, linear(m.at("proj_mlp"), normed, mlpHidden));
  });
  return gated(m, x, update, gate);
}

/** x + gate · W₂ GELU(W₁ (LN(x) · scale + shift)) */
function feedForward(
  m: Module,
  config: TransformerConfig,
  x: Value,
  { scale, shift, gate }: { readonly scale: Value; readonly shift: Value; readonly gate: Value },
  mlpChunks = 1,
): Value {
  const normed = modulatedLayerNorm(m, x, scale, shift, normEpsilon);
  const update = inParts(m, mlpChunks, normed, (part) => {
    const inner = geluTanh(m, linear(m.at("net.0.proj"), part, config.mlpHidden));
    return linear(m.at("net.2"), inner, config.hidden);
  });
  return gated(m, x, update, gate);
}

/**
 * The head: tokens of the window → flow-matching velocity (noise − x₀), in float32 as the reference's
 * `high_quality_fp32_output_for_inference` does.
 *
 * tokens `[imageTokens, hidden]` → `[16, latentFrames, height, width]`
 */
export function outputHead(
  m: Module,
  tokens: Value,
  modulations: Modulations,
  window: readonly [latentFrames: number, height: number, width: number],
  tap: Tap = () => {},
): Value {
  const [frames, height, width] = window;
  const [rows, columns] = [height / 2, width / 2];
  const { scale, shift } = modulations.head(m.at("norm_out"));
  const normed = modulatedLayerNorm(m.at("norm_out"), tokens, scale, shift, normEpsilon);
  tap("norm_out", { image: normed });
  const imageTokens = tokens.shape[0] as number;
  const last = slice(m, normed, 0, imageTokens - frames * rows * columns);
  const patches = linear(m.at("proj_out"), castTo(m, last, "float32"), 16 * 4);
  // [frames, rows, columns, channel, patch row, patch column] → [channel, frames, rows, patch row, columns, patch column]
  const cells = reshape(m, patches, [frames, rows, columns, 16, 2, 2]);
  const spread = m.op("Transpose", [cells], [16, frames, rows, 2, columns, 2], { perm: [3, 0, 1, 4, 2, 5] });
  return reshape(m, spread, [16, frames, height, width]);
}

/** What TeaCache compares from step to step: the first block's modulated input. arXiv 2411.19108, section 3.3. */
export function firstModulatedInput(m: Module, image: Value, modulations: Modulations): Value {
  const norm1 = m.at("transformer_blocks.0.norm1");
  const { scale, shift } = modulations.dual(norm1).attention;
  return modulatedLayerNorm(norm1, image, scale, shift, normEpsilon);
}

function queryKeyValue(
  m: Module,
  { hidden }: TransformerConfig,
  x: Value,
  [q, k, v]: readonly [string, string, string],
) {
  const layers = [q, k, v].map((path) => ({ path, out: hidden }));
  const [query, key, value] = split(m, stackedLinear(m, x, layers), 1, [hidden, hidden, hidden]) as [
    Value,
    Value,
    Value,
  ];
  return { query, key, value };
}

/** RMSNorm over the channels of each head. */
function headNorm(m: Module, { heads, headDim }: TransformerConfig, x: Value): Value {
  return reshape(m, rmsNorm(m, reshape(m, x, [x.shape[0]!, heads, headDim]), normEpsilon), x.shape);
}

const gated = (m: Module, x: Value, update: Value, gate: Value) => add(m, x, mul(m, update, gate));

/** The joint sequence as its two streams. */
export const separate = (m: Module, joint: Value, imageTokens: number): Streams => ({
  image: slice(m, joint, 0, 0, imageTokens),
  context: slice(m, joint, 0, imageTokens),
});
