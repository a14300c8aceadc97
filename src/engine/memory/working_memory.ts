/**
 * Working memory of the networks on a GPU: activations that are alive at once, and what operators need besides. Derived
 * from the graphs in `networks/`, as an executor runs them that frees a tensor after its last reader and writes nothing
 * in place. Attention is fused (Flash): scores are never in memory.
 *
 * Formulas, not measurements: `workingMargins` come on top.
 * @module
 */
import { packedTokens, type SectionShape } from "../transformer_graphs.ts";
import type { EncoderSizes, TransformerSizes } from "./model_sizes.ts";

const activationBytes = 2; // bfloat16, float16
const float32Bytes = 4;

/** 729 patches of a picture of 378 × 378 px, and the most of a prompt that is read. */
const pictureTokens = 27 ** 2;
const promptTokens = 256;
export const contextTokensMax = pictureTokens + promptTokens;

/** The prompt with the template around it (`max_length` of `tokenizers/prompt_template.ts`). */
export const llamaTokensMax = 95 + promptTokens;
export const clipTokensMax = 77;
export const siglipTokens = pictureTokens;
/** Picture and prompt are prepared one after the other. */
export const conditioningTokensMax = Math.max(pictureTokens, promptTokens);

/** Cutting finer is of no use: attention then needs more than the MLP. */
export const mlpChunksOfUse = 2;

export interface SamplingWork {
  readonly section: SectionShape;
  readonly contextTokens: number;
  readonly mlpChunks: number;
  /** Whether something is added to products beside them. Default no. */
  readonly hasSides?: boolean;
  /** Whether matrices are kept in another format than they are multiplied in, and have a scale besides. */
  readonly weights: "as multiplied" | "packed" | "packed with scales";
}

/** One forward pass of the transformer. */
export function samplingWorkingBytes(transformer: TransformerSizes, work: SamplingWork): number {
  const { hidden, headDim, heads, dual, single } = transformer;
  const tokens = packedTokens(work.section).image + work.contextTokens;
  const stream = tokens * hidden * activationBytes;
  // What the blocks got, since TeaCache keeps what they add.
  const input = stream;
  const rotations = tokens * headDim * float32Bytes; // headDim/2 cosines and as many sines
  const softmaxSums = tokens * heads * float32Bytes; // one log-sum-exp per row, Flash (arXiv 2307.08691, algorithm 1)
  const blocks = [...dual, ...single];
  const modulations = modulationTableBytes(transformer);
  const largestProduct = Math.max(...blocks.map(({ largestProductNumbers }) => largestProductNumbers));
  // One after the other. A scale is multiplied by in float32: its numbers before and after.
  const unpackedBytes = { "as multiplied": 0, "packed": activationBytes, "packed with scales": 2 * float32Bytes };
  const unpacked = largestProduct * unpackedBytes[work.weights];
  const atOnce = stream * streamsAtOnce(transformer, work);
  return input + atOnce + rotations + softmaxSums + modulations + unpacked;
}

/** The modulation vectors of one step. */
export function modulationTableBytes({ hidden, dual, single }: TransformerSizes): number {
  return activationBytes * [...dual, ...single].reduce((sum, block) => sum + block.modulationNumbers / (hidden + 1), 0);
}

/**
 * Tensors of the size of the joint sequence `[tokens, hidden]` alive at the worst moment of the blocks. That is in a
 * single-stream block, whose attention and MLP read the same normed input: as one product of stacked matrices, split
 * afterwards, or made anew with what is added beside it, while its input is still there; or, where the MLP is cut, as
 * products of their own, the MLP's for some of the tokens.
 */
function streamsAtOnce(
  { hidden, mlpHidden }: TransformerSizes,
  { mlpChunks, hasSides = false }: SamplingWork,
): number {
  const mlp = mlpHidden / hidden;
  const [residual, normed, attended] = [1, 1, 1];
  const queryKeyValue = 3;
  if (mlpChunks === 1) {
    const product = queryKeyValue + mlp;
    return residual + (hasSides ? normed : 0) + 2 * product;
  }
  const float32 = float32Bytes / activationBytes;
  const rotation = residual + normed + 2 + 2 * float32; // value and one of query and key; the other before and after
  const activatedBesideJoined = mlp + (attended + mlp);
  const feedForward = residual + normed + attended + activatedBesideJoined / mlpChunks;
  return Math.max(rotation, feedForward);
}

/** An encoder of prompt or picture: short sequences, so that attention may as well be written out. */
export function encoderWorkingBytes({ hidden, mlpHidden }: Pick<EncoderSizes, "hidden" | "mlpHidden">, tokens: number) {
  const heads = Math.ceil(hidden / smallestHeadDim);
  const scores = 2 * tokens * tokens * heads; // before and after the softmax
  return (tokens * (8 * hidden + 3 * mlpHidden) + scores) * float32Bytes;
}
const smallestHeadDim = 64;

/** Latents of one piece that goes through the autoencoder at once, in latent pixels. */
export type LatentPiece = readonly [latentFrames: number, height: number, width: number];

/**
 * Decoding one piece, as `networks/vae.ts` writes it. The worst moment is the last widening of the picture, where a
 * convolution gives all its taps in time at once.
 */
export function decodingWorkingBytes(blockChannels: readonly number[], [latentFrames, ...side]: LatentPiece): number {
  let [frames, height, width] = [latentFrames, ...side];
  let before = blockChannels.at(-1)!;
  let peak = frameCausalScores(frames, height * width);
  for (const [index, channels] of blockChannels.toReversed().entries()) {
    const places = frames * height * width;
    peak = Math.max(peak, places * residualBlock(before, channels), places * residualBlock(channels, channels));
    if (index < 3) {
      [height, width] = [2 * height, 2 * width];
      peak = Math.max(peak, height * width * channels * (index === 0 ? 6 * frames : widenedFrames(frames)));
      if (index > 0) frames = 2 * frames - 1;
    }
    before = channels;
  }
  return activationBytes * peak + float32Bytes * 3 * frames * height * width;
}

/** Of a video that is doubled in time: four taps of every frame, twice two of all frames but one, and the first frame. */
const widenedFrames = (frames: number) => frames === 1 ? 3 : 4 * frames + 2 * 2 * (frames - 1) + 1;

/** Encoding one piece of a picture. With nothing before its only frame a convolution has one tap. */
export function encodingWorkingBytes(
  blockChannels: readonly number[],
  [heightPx, widthPx]: readonly [number, number],
): number {
  const places = heightPx * widthPx;
  const convolution = 3 * blockChannels[0]! * places; // a block's input, the padded one, the output
  const scores = frameCausalScores(1, places / 64);
  return activationBytes * Math.max(convolution, scores) + float32Bytes * 3 * places;
}

/** Per place: the block's input, its normed copy and the padded one, and three taps; or the taps and their partial sums. */
const residualBlock = (before: number, channels: number) => before + Math.max(2 * before + 3 * channels, 6 * channels);

/** One head of 512 channels is too wide for Flash: scores of the last frame with all places, in float32, twice. */
const frameCausalScores = (frames: number, area: number) =>
  2 * area * (frames * area) * (float32Bytes / activationBytes);
