/**
 * Latents become tokens: the window at full rate, the history ever coarser the farther away it is
 * (arXiv 2504.12626, section 3.1). FramePack `HunyuanVideoPatchEmbed`, `HunyuanVideoPatchEmbedForCleanLatents`.
 * @module
 */
import { castTo, type Module, type Value } from "../onnx/module.ts";
import { concat, padEdge, reshape, transpose } from "../onnx/operators.ts";
import type { TransformerConfig } from "./transformer_config.ts";

/** Kernel = stride of a patch in latent frames, rows and columns. */
export type Kernel = readonly [time: number, rows: number, columns: number];

export const kernels = {
  window: [1, 2, 2],
  "1x": [1, 2, 2],
  "2x": [2, 4, 4],
  "4x": [4, 8, 8],
} as const satisfies Record<
  string,
  Kernel
>;

/** The window being denoised: latents `[16, latentFrames, height, width]` → tokens `[latentFrames · rows · columns, hidden]` */
export const windowTokens = (m: Module, { hidden }: TransformerConfig, latents: Value): Value =>
  patchEmbed(m.at("x_embedder.proj"), latents, kernels.window, hidden);

/** History groups that are given, each `[16, latentFrames, height, width]`. */
export interface HistoryGroups {
  readonly "1x"?: Value | undefined;
  readonly "2x"?: Value | undefined;
  readonly "4x"?: Value | undefined;
}

/** → tokens of the groups in the order [4× | 2× | 1×], or undefined when there are none */
export function historyTokens(m: Module, { hidden }: TransformerConfig, groups: HistoryGroups): Value | undefined {
  const embedder = m.at("clean_x_embedder");
  const tokens = [
    groups["4x"] && patchEmbed(embedder.at("proj_4x"), groups["4x"], kernels["4x"], hidden),
    groups["2x"] && patchEmbed(embedder.at("proj_2x"), groups["2x"], kernels["2x"], hidden),
    groups["1x"] && patchEmbed(embedder.at("proj"), groups["1x"], kernels["1x"], hidden),
  ].filter((group) => group !== undefined);
  return tokens.length > 0 ? concat(m, 0, ...tokens) : undefined;
}

/**
 * A convolution whose stride equals its kernel, as a matrix product: each patch becomes one row. Axes are first
 * extended at their end to a multiple of the kernel by repeating the border. Latents are float32 up to the product: no
 * accelerator pads bfloat16, and rounding before or after gives the same.
 */
function patchEmbed(m: Module, latents: Value, kernel: Kernel, hidden: number): Value {
  const [channels, ...axes] = latents.shape as readonly number[];
  const missing = axes.map((size, axis) => -size! & (kernel[axis]! - 1));
  const padded = padEdge(m, latents, [0, 0, 0, 0], [0, ...missing]);
  const [time, rows, columns] = axes.map((size, axis) => Math.ceil(size! / kernel[axis]!)) as [number, number, number];
  const [kernelTime, kernelRows, kernelColumns] = kernel;
  const cells = reshape(m, padded, [channels!, time, kernelTime, rows, kernelRows, columns, kernelColumns]);
  const patchSize = channels! * kernelTime * kernelRows * kernelColumns;
  const patches = reshape(m, transpose(m, cells, [1, 3, 5, 0, 2, 4, 6]), [time * rows * columns, patchSize]);
  const weight = reshape(m, m.weight("weight", [hidden, channels!, ...kernel]), [hidden, patchSize]);
  const inputs = [castTo(m, patches, m.graph.computeDType), weight, m.weight("bias", [hidden])];
  return m.op("Gemm", inputs, [patches.shape[0]!, hidden], { transB: 1 });
}
