/**
 * How large the parts of a model are, as the headers of its files say: names, shapes and types of tensors, no numbers.
 * @module
 */
import { elementCount } from "../onnx/tensor.ts";
import { bytesPerNumber, type Weight } from "../onnx/safetensors.ts";

/** What the memory planner knows of a model. */
export interface ModelSizes {
  readonly transformer: TransformerSizes;
  readonly vae: VaeSizes;
  readonly llama: LlamaSizes;
  readonly clip: EncoderSizes;
  readonly siglip: EncoderSizes;
}

export interface TransformerSizes {
  readonly hidden: number;
  readonly mlpHidden: number;
  readonly heads: number;
  readonly headDim: number;
  readonly dual: readonly BlockSizes[];
  readonly single: readonly BlockSizes[];
  /** Needed before the first step and not after: token refiner, condition embedders, image projection. */
  readonly conditioningBytes: number;
  /** Needed in every step: patch embedders and the head. */
  readonly embeddingBytes: number;
  /** How the files store the blocks' matrices. */
  readonly bytesPerNumber: number;
  /** Whether each of them has a scale in the file, as those in 8 bits may. */
  readonly hasScales: boolean;
}

export interface BlockSizes {
  /** Of the matrices that tokens are multiplied by: what a coarser precision makes smaller. */
  readonly matrixNumbers: number;
  /** Of the largest matrix that is multiplied by at once: those of one input are stacked. */
  readonly largestProductNumbers: number;
  /** Biases and norms. */
  readonly vectorNumbers: number;
  /** Layers that make the block's shifts, scales and gates. */
  readonly modulationNumbers: number;
}

export interface VaeSizes {
  /** From the pixels to the middle. */
  readonly blockChannels: readonly number[];
  readonly encoderNumbers: number;
  readonly decoderNumbers: number;
}

export interface EncoderSizes {
  /** Of what is used of it. */
  readonly bytes: number;
  readonly hidden: number;
  readonly mlpHidden: number;
}

export interface LlamaSizes extends EncoderSizes {
  /** Of the largest layer: two of them are in VRAM while it is streamed. */
  readonly layerBytes: number;
}

/** A `Checkpoint`, or any other list of tensors. */
export interface TensorList {
  names(): string[];
  get(name: string): Pick<Weight, "shape" | "dtype" | "scale">;
}

/** The weights of a model folder. */
export interface ModelTensors {
  readonly transformer: TensorList;
  readonly vae: TensorList;
  readonly llama: TensorList;
  readonly clip: TensorList;
  readonly siglip: TensorList;
}

/** @throws CheckpointError when a tensor is missing that tells a size */
export function modelSizes({ transformer, vae, llama, clip, siglip }: ModelTensors): ModelSizes {
  return {
    transformer: transformerSizes(transformer),
    vae: vaeSizes(vae),
    llama: llamaSizes(llama),
    clip: encoderSizes(clip, "text_model.encoder.layers.0.mlp.fc1.weight"),
    siglip: encoderSizes(siglip, "vision_model.encoder.layers.0.mlp.fc1.weight", /^vision_model\.head\./),
  };
}

/** Names of `networks/framepack_transformer.ts`, `networks/condition_embedders.ts` and `networks/modulation.ts`. */
function transformerSizes(tensors: TensorList): TransformerSizes {
  const names = tensors.names();
  const mlp = tensors.get("single_transformer_blocks.0.proj_mlp.weight");
  const [mlpHidden, hidden] = mlp.shape as [number, number];
  const [headDim] = tensors.get("single_transformer_blocks.0.attn.norm_q.weight").shape;
  const isBefore = (name: string) =>
    /^(context_embedder|time_text_embed|image_projection|norm_out\.linear)\./.test(name);
  return {
    hidden,
    mlpHidden,
    heads: hidden / headDim!,
    headDim: headDim!,
    dual: blocksOf(tensors, "transformer_blocks", /^norm1(_context)?\.linear\./),
    single: blocksOf(tensors, "single_transformer_blocks", /^norm\.linear\./),
    conditioningBytes: unpackedBytesOf(tensors, names.filter(isBefore)),
    embeddingBytes: unpackedBytesOf(tensors, names.filter((name) => !isBefore(name) && !isOfBlocks(name))),
    bytesPerNumber: bytesPerNumber[mlp.dtype],
    hasScales: mlp.scale !== undefined,
  };
}

/** Whether a tensor of the transformer belongs to its blocks, their modulation layers included. */
export const isOfBlocks = (name: string): boolean => /^(single_)?transformer_blocks\./.test(name);

function blocksOf(tensors: TensorList, path: string, isModulation: RegExp): BlockSizes[] {
  const blocks: BlockSizes[] = [];
  const byBlock = Map.groupBy(
    tensors.names().filter((name) => name.startsWith(`${path}.`)),
    (name) => name.slice(path.length + 1, name.indexOf(".", path.length + 1)),
  );
  for (const [index, names] of byBlock) {
    const modulation = names.filter((name) => isModulation.test(name.slice(`${path}.${index}.`.length)));
    const rest = names.filter((name) => !modulation.includes(name));
    const isMatrix = (name: string) => tensors.get(name).shape.length > 1;
    const products = Map.groupBy(rest.filter(isMatrix), (name) => name.replace(stackedLayers, "stacked $1."));
    const numbers = [...products.values()].map((names) => numbersOf(tensors, names));
    blocks[Number(index)] = {
      matrixNumbers: sum(numbers),
      largestProductNumbers: Math.max(0, ...numbers),
      vectorNumbers: numbersOf(tensors, rest.filter((name) => !isMatrix(name))),
      modulationNumbers: numbersOf(tensors, modulation),
    };
  }
  return blocks;
}

/** Layers that read the same input: a single-stream block's attention and MLP, a dual-stream one's attention of each stream. */
const stackedLayers =
  /(?<=^single_transformer_blocks\..*)\b(?:attn\.to_[qkv]|proj_mlp)\.|\battn\.(to|add)_[qkv](?:_proj)?\./;

function vaeSizes(tensors: TensorList): VaeSizes {
  const names = tensors.names();
  const isEncoder = (name: string) => /^(encoder|quant_conv)\./.test(name);
  const firstOfBlock = (index: number) => `encoder.down_blocks.${index}.resnets.0.conv1.conv.weight`;
  const blockChannels: number[] = [];
  while (names.includes(firstOfBlock(blockChannels.length))) {
    blockChannels.push(tensors.get(firstOfBlock(blockChannels.length)).shape[0]!);
  }
  return {
    blockChannels,
    encoderNumbers: numbersOf(tensors, names.filter(isEncoder)),
    decoderNumbers: numbersOf(tensors, names.filter((name) => !isEncoder(name))),
  };
}

/** Layers at LLaMA's end that are not run (`networks/llama.ts`). */
const unusedLlamaLayers = 2;

function llamaSizes(tensors: TensorList): LlamaSizes {
  const layers = Map.groupBy(
    tensors.names().filter((name) => /^layers\.\d+\./.test(name)),
    (name) => Number(name.split(".")[1]),
  );
  const used = [...layers].filter(([index]) => index < layers.size - unusedLlamaLayers);
  const layersBytes = used.map(([, names]) => bytesOf(tensors, names));
  const [mlpHidden, hidden] = tensors.get("layers.0.mlp.gate_proj.weight").shape;
  return {
    bytes: sum(layersBytes) + bytesOf(tensors, ["embed_tokens.weight"]),
    layerBytes: Math.max(0, ...layersBytes),
    hidden: hidden!,
    mlpHidden: mlpHidden!,
  };
}

function encoderSizes(tensors: TensorList, firstMlpWeight: string, unused?: RegExp): EncoderSizes {
  const [mlpHidden, hidden] = tensors.get(firstMlpWeight).shape;
  const used = tensors.names().filter((name) => !unused?.test(name));
  return { bytes: bytesOf(tensors, used), hidden: hidden!, mlpHidden: mlpHidden! };
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
const numbersOf = (tensors: TensorList, names: readonly string[]) =>
  sum(names.map((name) => elementCount(tensors.get(name).shape)));
const bytesOf = (tensors: TensorList, names: readonly string[]) =>
  sum(names.map((name) => elementCount(tensors.get(name).shape) * bytesPerNumber[tensors.get(name).dtype]));
/** The same in a compiled graph, which keeps what is stored in fewer bits in 16. */
const unpackedBytesOf = (tensors: TensorList, names: readonly string[]) =>
  sum(
    names.map((name) => elementCount(tensors.get(name).shape) * Math.max(2, bytesPerNumber[tensors.get(name).dtype])),
  );
