/**
 * One section's inputs at a real size, the same on every machine: forward schedule, some sections in.
 * @module
 */
import { packedTokens, type SectionShape } from "../../src/engine/transformer_graphs.ts";
import type { TransformerConfig } from "../../src/engine/networks/transformer_config.ts";
import { float32Tensor, roundToBfloat16, type Tensor } from "../../src/engine/onnx/tensor.ts";
import { type PictureSize, sizeStepPx, torchNormal } from "../../src/engine/sampling/mod.ts";
import type { Conditions, SectionContext } from "../../src/engine/transformer.ts";

export interface GpuInputs {
  readonly conditions: Conditions;
  readonly section: SectionContext;
  /** `[16, 9, height, width]` */
  readonly latents: Float32Array;
  readonly timestep: number;
}

/** SigLIP's tokens of a picture. */
const pictureTokens = 729;

export function gpuInputs(config: TransformerConfig, size: PictureSize, textTokens: number): GpuInputs {
  const normal = torchNormal(31337);
  const numbers = (...shape: number[]) => {
    const count = shape.reduce((product, dim) => product * dim, 1);
    return float32Tensor(shape, roundToBfloat16(normal(count)));
  };
  const shape = sectionShape(size);
  const [, height, width] = shape.window;
  const range = (start: number, end: number) => Array.from({ length: end - start }, (_, at) => start + at);
  const latents = (frames: number) => numbers(16, frames, height, width).data;
  return {
    conditions: {
      text: numbers(textTokens, config.textDim),
      pooled: numbers(1, config.pooledDim),
      image: numbers(pictureTokens, config.imageDim),
      guidance: 9984, // 10 · 1000 in bfloat16
    },
    section: {
      shape,
      indices: { noisy: range(20, 29), clean1x: [0, 19], clean2x: [17, 18], clean4x: range(1, 17) },
      history: { "1x": latents(2), "2x": latents(2), "4x": latents(16) },
    },
    latents: latents(9),
    timestep: 736,
  };
}

export type { PictureSize };

/** @param text such as `608x640`. @throws RangeError for what is no size that a model makes */
export function parseSize(text: string): PictureSize {
  const [, width, height] = /^(\d{2,4})x(\d{2,4})$/.exec(text) ?? [];
  const size = { widthPx: Number(width), heightPx: Number(height) };
  if (Object.values(size).every((px) => px % sizeStepPx === 0)) return size;
  throw new RangeError(`Cannot use the size "${text}": it must be WIDTHxHEIGHT, multiples of ${sizeStepPx}`);
}

/** Smallest first: what graphs work in only grows, so that the peak at each size is its own. */
export const sizesInOrder = (sizes: readonly PictureSize[]): readonly PictureSize[] =>
  sizes.toSorted((a, b) => a.widthPx * a.heightPx - b.widthPx * b.heightPx);

export const sectionShape = ({ widthPx, heightPx }: PictureSize): SectionShape => ({
  window: [9, heightPx / 8, widthPx / 8],
  history: { "1x": 2, "2x": 2, "4x": 16 },
});

/** Tokens of all of it. */
export const allTokens = ({ section, conditions }: GpuInputs): number =>
  packedTokens(section.shape).image + conditions.image.shape[0]! + conditions.text.shape[0]!;

/** Of the blocks of one forward pass: 24 D² per token of every block, and 4 S² D of attention. */
export function blockFlops({ hidden, dualBlocks, singleBlocks }: TransformerConfig, tokens: number): number {
  return (dualBlocks + singleBlocks) * (24 * hidden ** 2 * tokens + 4 * tokens ** 2 * hidden);
}

/** As the published class names them, with its batch axis, for `reference/gpu.py`. */
export function exchangeTensors({ conditions, section, latents, timestep }: GpuInputs): Record<string, Tensor> {
  const batched = ({ shape, data }: Tensor<"float32">) => float32Tensor([1, ...shape], data);
  const [frames, height, width] = section.shape.window;
  const video = (data: Float32Array) =>
    float32Tensor([1, 16, data.length / (16 * height * width), height, width], data);
  const indices = (values: readonly number[]) => float32Tensor([1, values.length], Float32Array.from(values));
  const { history, indices: { noisy, clean1x, clean2x, clean4x } } = section;
  return {
    "hidden_states": float32Tensor([1, 16, frames, height, width], latents),
    timestep: float32Tensor([1], Float32Array.of(timestep)),
    guidance: float32Tensor([1], Float32Array.of(conditions.guidance)),
    "encoder_hidden_states": batched(conditions.text),
    "pooled_projections": conditions.pooled,
    "image_embeds": batched(conditions.image),
    "indices_latents": indices(noisy),
    "latents_clean": video(history["1x"]!),
    "indices_latents_clean": indices(clean1x),
    "latents_history_2x": video(history["2x"]!),
    "indices_latents_history_2x": indices(clean2x),
    "latents_history_4x": video(history["4x"]!),
    "indices_latents_history_4x": indices(clean4x),
  };
}
