/**
 * Sizes of FramePack as published (lllyasviel/FramePackI2V_HY and FramePack_F1_I2V_HY_20250503 with the encoders and the
 * autoencoder of hunyuanvideo-community/HunyuanVideo and lllyasviel/flux_redux_bfl), to plan for it before it is here.
 * @module
 */
import type { BlockSizes, ModelSizes } from "./model_sizes.ts";

const hidden = 3072;
const mlpHidden = 4 * hidden;
const headDim = 128;
/** Weight and bias of a linear layer that makes `vectors` modulation vectors. */
const modulation = (vectors: number) => vectors * hidden * (hidden + 1);

/** Image and context stream: query, key, value, output and the two matrices of the MLP, each. */
const dualBlock: BlockSizes = {
  matrixNumbers: 2 * (4 * hidden * hidden + 2 * hidden * mlpHidden),
  largestProductNumbers: hidden * mlpHidden,
  vectorNumbers: 2 * (5 * hidden + mlpHidden + 2 * headDim),
  modulationNumbers: 2 * modulation(6),
};

/** Query, key, value, the way into the MLP, and one way out for attention and MLP together. */
const singleBlock: BlockSizes = {
  matrixNumbers: 3 * hidden * hidden + hidden * mlpHidden + (hidden + mlpHidden) * hidden,
  largestProductNumbers: 3 * hidden * hidden + hidden * mlpHidden,
  vectorNumbers: 4 * hidden + mlpHidden + 2 * headDim,
  modulationNumbers: modulation(3),
};

const headModulationBytes = 2 * modulation(2);

export const publishedSizes: ModelSizes = {
  transformer: {
    hidden,
    mlpHidden,
    heads: 24,
    headDim,
    dual: Array.from({ length: 20 }, () => dualBlock),
    single: Array.from({ length: 40 }, () => singleBlock),
    conditioningBytes: 618_350_592 + 64_524_288 + 77_881_344 + headModulationBytes, // refiner, time, picture, head
    embeddingBytes: 399_360 + 28_723_200 + 38_154_368 - headModulationBytes, // window, history, head
    bytesPerNumber: 2,
    hasScales: false,
  },
  vae: { blockChannels: [128, 256, 512, 512], encoderNumbers: 100_342_464, decoderNumbers: 146_136_339 },
  llama: { bytes: 14_137_917_440, layerBytes: 436_224_000, hidden: 4096, mlpHidden: 14_336 },
  clip: { bytes: 246_120_960, hidden: 768, mlpHidden: 3072 },
  siglip: { bytes: 825_974_496, hidden: 1152, mlpHidden: 4304 },
};
