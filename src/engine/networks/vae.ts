/**
 * The 3D variational autoencoder of HunyuanVideo (arXiv 2412.03603, section 4.1, figure 6): 4n + 1 frames of pixels ↔ n + 1
 * frames of latents, an eighth of the height and width, 16 channels. Causal in time, so that a single picture is a video.
 * diffusers 0.33.1, `autoencoder_kl_hunyuan_video.py`.
 *
 * Video tensors are `[frames, channels, height, width]`.
 * @module
 */
import { silu } from "../layers/activation.ts";
import { attention } from "../layers/attention.ts";
import {
  causalConvolution,
  causalConvolutionOfRepeatedFrames,
  pointwiseConvolution,
  type Stride,
} from "../layers/convolution.ts";
import { groupNorm } from "../layers/group_norm.ts";
import { linear } from "../layers/linear.ts";
import type { Module, Value } from "../onnx/module.ts";
import { add, concat, reshape, slice, transpose } from "../onnx/operators.ts";
import type { VaeConfig } from "./vae_config.ts";

const normEpsilon = 1e-6;
/** A picture loses rows and columns in 3 of the blocks (ratio 8), frames in 2 (ratio 4). */
const spatialSteps = 3;
const temporalSteps = 2;

/** pixels `[frames, 3, height, width]` in [-1, 1] → moments `[…, 32, …]`: 16 means, 16 log variances */
export function encoder(m: Module, config: VaeConfig, pixels: Value): Value {
  const { blockChannels, layersPerBlock } = config;
  const e = m.at("encoder");
  let x = causalConvolution(e.at("conv_in"), pixels, blockChannels[0]!);
  blockChannels.forEach((channels, index) => {
    const block = e.at(`down_blocks.${index}`);
    for (const layer of block.each("resnets", layersPerBlock)) x = residualBlock(layer, config, x, channels);
    if (index < spatialSteps) x = causalConvolution(block.at("downsamplers.0.conv"), x, channels, downStride(index));
  });
  x = middleBlock(e.at("mid_block"), config, x);
  x = silu(e, groupNorm(e.at("conv_norm_out"), x, config.normGroups, normEpsilon));
  x = causalConvolution(e.at("conv_out"), x, 32);
  return pointwiseConvolution(m.at("quant_conv"), x, 32);
}

/** latents `[frames, 16, height, width]`, already divided by the scaling factor → pixels `[…, 3, …]`, not clamped */
export function decoder(m: Module, config: VaeConfig, latents: Value): Value {
  const blockChannels = config.blockChannels.toReversed();
  const d = m.at("decoder");
  let x = pointwiseConvolution(m.at("post_quant_conv"), latents, 16);
  x = causalConvolution(d.at("conv_in"), x, blockChannels[0]!);
  x = middleBlock(d.at("mid_block"), config, x);
  blockChannels.forEach((channels, index) => {
    const block = d.at(`up_blocks.${index}`);
    for (const layer of block.each("resnets", config.layersPerBlock + 1)) x = residualBlock(layer, config, x, channels);
    if (index < spatialSteps) x = upsample(block.at("upsamplers.0.conv"), x, channels, temporalFactor(index));
  });
  x = silu(d, groupNorm(d.at("conv_norm_out"), x, config.normGroups, normEpsilon));
  return causalConvolution(d.at("conv_out"), x, 3);
}

/** The last of the blocks that change size are those that change the number of frames. */
const temporalFactor = (index: number) => index >= spatialSteps - temporalSteps ? 2 : 1;
const downStride = (index: number): Stride => ({ frames: temporalFactor(index), rows: 2, columns: 2 });

/** x + conv(SiLU(norm(conv(SiLU(norm(x)))))), x through a linear map where the width changes. */
function residualBlock(m: Module, { normGroups }: VaeConfig, x: Value, out: number): Value {
  let y = silu(m, groupNorm(m.at("norm1"), x, normGroups, normEpsilon));
  y = causalConvolution(m.at("conv1"), y, out);
  y = silu(m, groupNorm(m.at("norm2"), y, normGroups, normEpsilon));
  y = causalConvolution(m.at("conv2"), y, out);
  const shortcut = x.shape[1] === out ? x : pointwiseConvolution(m.at("conv_shortcut.conv"), x, out);
  return add(m, y, shortcut);
}

function middleBlock(m: Module, config: VaeConfig, x: Value): Value {
  const channels = x.shape[1] as number;
  x = residualBlock(m.at("resnets.0"), config, x, channels);
  x = frameCausalAttention(m.at("attentions.0"), config, x);
  return residualBlock(m.at("resnets.1"), config, x, channels);
}

/** One head over all places; a place sees every place of its own and of earlier frames. */
function frameCausalAttention(m: Module, { normGroups }: VaeConfig, x: Value): Value {
  const [frames, channels, height, width] = x.shape as [number, number, number, number];
  const area = height * width;
  const normal = groupNorm(m.at("group_norm"), x, normGroups, normEpsilon);
  const tokens = reshape(m, transpose(m, reshape(m, normal, [frames, channels, area]), [0, 2, 1]), ["rest", channels]);
  const [query, key, value] = ["to_q", "to_k", "to_v"].map((name) => linear(m.at(name), tokens, channels));
  // Frame by frame with the keys it may see: no mask, and half the work.
  const attended = Array.from({ length: frames }, (_, frame) =>
    attention(m, {
      query: slice(m, query!, 0, frame * area, (frame + 1) * area),
      key: slice(m, key!, 0, 0, (frame + 1) * area),
      value: slice(m, value!, 0, 0, (frame + 1) * area),
    }, 1));
  const out = reshape(m, linear(m.at("to_out.0"), concat(m, 0, ...attended), channels), [frames, area, channels]);
  return add(m, x, reshape(m, transpose(m, out, [0, 2, 1]), x.shape));
}

/** Nearest neighbours, doubled in rows and columns; in time every frame but the first stands twice. Then a convolution. */
const upsample = (m: Module, x: Value, channels: number, frameFactor: 1 | 2): Value =>
  frameFactor === 1
    ? causalConvolution(m, enlarged(m, x), channels)
    : causalConvolutionOfRepeatedFrames(m, enlarged(m, x), channels);

function enlarged(m: Module, x: Value): Value {
  const [frames, channels, height, width] = x.shape as [number, number, number, number];
  const shape = [frames, channels, height * 2, width * 2];
  const attributes = { mode: "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor" };
  const inputs = [x, undefined, undefined, m.integers(...shape)];
  return m.graph.nodes(m.path, "Resize", inputs, [{ dtype: x.dtype, shape }], { attributes })[0]!;
}
