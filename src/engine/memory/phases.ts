/**
 * What one way to place a model takes of a card in each phase of its work.
 * @module
 */
import { decodeTiling, encodeTiling, tileShapes } from "../vae_tiling.ts";
import type { BlockPlaces, MemoryQuestion, Phase, PhaseMemory, Place, VaePlan, WorkShape } from "./memory_plan.ts";
import type { BlockSizes } from "./model_sizes.ts";
import {
  clipTokensMax,
  conditioningTokensMax,
  contextTokensMax,
  decodingWorkingBytes,
  encoderWorkingBytes,
  encodingWorkingBytes,
  type LatentPiece,
  llamaTokensMax,
  modulationTableBytes,
  samplingWorkingBytes,
  siglipTokens,
} from "./working_memory.ts";

/**
 * What CUDA takes when it starts: its context, the kernels of ONNX Runtime, workspaces of cuBLAS and cuDNN. An allowance
 * of 512 MiB until it is measured on the card.
 */
export const cudaStartBytes = 2 ** 29;

/**
 * On top of working memory, for what an arena cannot use between its tensors and for workspaces that no formula knows. The
 * first is chosen, not measured; each next one is for a card on which the one before was not enough.
 */
export const workingMargins = [0.15, 0.5, 1] as const;

/** Where the blocks are, and what that takes. */
export interface BlockMemory {
  readonly dual: BlockPlaces;
  readonly single: BlockPlaces;
  readonly residentBytes: number;
  readonly streamedBytes: number;
  /** Of one of two slots. */
  readonly slotBytes: number;
  /** Blocks that stay are brought as the others are, through main memory of this size. */
  readonly largestBlockBytes: number;
}

/** What can be given up for room, apart from resident blocks. */
export interface Comfort {
  readonly spatialTiles: VaePlan["spatialTiles"];
  readonly decode: VaePlan["decode"];
  readonly llama: Place;
  readonly smallEncoders: Exclude<Place, "streamed">;
  readonly conditioning: Exclude<Place, "streamed">;
  readonly vae: Exclude<Place, "streamed">;
  readonly mlpChunks: number;
}

/** What a comfort takes, whatever the blocks do. */
export interface ComfortMemory {
  readonly residentBytes: number;
  /** Of it, the autoencoder's weights. */
  readonly vaeBytes: number;
  /** The part of the preparation that takes most besides what is resident. */
  readonly preparing: Part;
  readonly samplingBytes: number;
  readonly decoding: { readonly bytes: number; readonly weightsBytes: number };
}

interface Part {
  readonly weightsBytes: number;
  /** Of one of two slots; 0 where nothing is streamed. */
  readonly slotBytes: number;
  readonly bytes: number;
}

/** What each phase takes of the arena. */
export function phasesOf(
  { decode }: Comfort,
  { preparing, samplingBytes, decoding }: ComfortMemory,
): Readonly<Record<Phase, PhaseMemory>> {
  const both = samplingBytes + decoding.bytes;
  const isOverlapped = decode === "overlapped";
  return {
    preparing: phase(preparing.weightsBytes, preparing.slotBytes, preparing.bytes),
    sampling: phase(isOverlapped ? decoding.weightsBytes : 0, 0, isOverlapped ? both : samplingBytes),
    decoding: phase(decoding.weightsBytes, 0, isOverlapped ? both : decoding.bytes),
  };
}

function phase(weightsBytes: number, slotBytes: number, workingBytes: number): PhaseMemory {
  const stagingBytes = 2 * slotBytes;
  return { weightsBytes, stagingBytes, workingBytes, arenaBytes: weightsBytes + stagingBytes + workingBytes };
}

export function blockMemory(
  question: MemoryQuestion,
  { dual, single }: Pick<BlockMemory, "dual" | "single">,
): BlockMemory {
  const { transformer } = question.model;
  const bytesOf = (places: readonly number[], blocks: readonly BlockSizes[]) =>
    places.map((index) => blockBytes(question, blocks[index]!));
  const streamed = [...bytesOf(dual.streamed, transformer.dual), ...bytesOf(single.streamed, transformer.single)];
  const modulation = [...transformer.dual, ...transformer.single].map((block) => inPages(2 * block.modulationNumbers));
  const resident = [...bytesOf(dual.resident, transformer.dual), ...bytesOf(single.resident, transformer.single)];
  return {
    dual,
    single,
    residentBytes: sum(resident),
    streamedBytes: sum(streamed),
    slotBytes: Math.max(...streamed, ...modulation),
    largestBlockBytes: Math.max(...streamed, ...resident, ...modulation),
  };
}

/** A block's weights in VRAM, without the layers that make its modulation. */
function blockBytes({ precision, model }: MemoryQuestion, { matrixNumbers, vectorNumbers }: BlockSizes): number {
  const bytesPerNumber = {
    bf16: 2,
    fp8: 1 + 4 / model.transformer.hidden, // and a float32 scale per row
    int4: (4 + 16 / 32) / 8, // and a 16-bit scale per 32 numbers
  }[precision];
  return inPages(matrixNumbers * bytesPerNumber + 2 * vectorNumbers);
}

/** CUDA gives memory in pages of 2 MiB. */
export const inPages = (bytes: number) => Math.ceil(bytes / pageBytes) * pageBytes;
const pageBytes = 2 ** 21;

export function comfortMemory(question: MemoryQuestion, comfort: Comfort): ComfortMemory {
  const { model: { transformer, llama, clip, siglip }, work } = question;
  const { preparedSteps = 1 } = work;
  const { encoderBytes, decoderBytes } = vaeWeights(question);
  const ifResident = (place: Place, sizeBytes: number) => place === "resident" ? sizeBytes : 0;
  const vaeBytes = ifResident(comfort.vae, encoderBytes + decoderBytes);
  return {
    residentBytes: transformer.embeddingBytes + (work.adapterBytes ?? 0) + (work.sideBytes ?? 0) + vaeBytes +
      (preparedSteps - 1) * modulationTableBytes(transformer) +
      ifResident(comfort.conditioning, transformer.conditioningBytes) +
      ifResident(comfort.llama, llama.bytes) +
      ifResident(comfort.smallEncoders, clip.bytes + siglip.bytes),
    vaeBytes,
    preparing: largestPart(question, comfort),
    samplingBytes: withMargin(question, samplingMemory(question, comfort)),
    decoding: {
      bytes: withMargin(question, decodingMemory(question, comfort)),
      weightsBytes: comfort.vae === "loaded" ? decoderBytes : 0,
    },
  };
}

/** Of the autoencoder in 16 bits; its graphs share them. */
const vaeWeights = ({ model: { vae } }: MemoryQuestion) => ({
  encoderBytes: 2 * vae.encoderNumbers,
  decoderBytes: 2 * vae.decoderNumbers,
});

function samplingMemory({ work, model, precision }: MemoryQuestion, { mlpChunks }: Comfort): number {
  const { section, contextTokens = contextTokensMax, preparedSteps = 1, sideBytes = 0 } = work;
  const { hidden, hasScales } = model.transformer;
  const packed = precision === "fp8" && hasScales ? "packed with scales" : "packed";
  const weights = precision === "bf16" ? "as multiplied" : packed;
  const ofStep = samplingWorkingBytes(model.transformer, {
    ...{ section, contextTokens, mlpChunks, weights },
    hasSides: sideBytes > 0,
  });
  return ofStep + (preparedSteps - 1) * contextTokens * 2 * hidden;
}

const decodingMemory = ({ work, model }: MemoryQuestion, { spatialTiles }: Comfort): number =>
  decodingWorkingBytes(model.vae.blockChannels, decodedPiece(work, spatialTiles));

/** The largest piece that the autoencoder decodes at once. A section is decoded with its neighbour and the start frame. */
export function decodedPiece({ section }: WorkShape, spatialTiles: VaePlan["spatialTiles"]): LatentPiece {
  const [frames, height, width] = section.window;
  const shapes = tileShapes([16, 2 * frames + 1, height, width], decodeTiling, spatialTiles);
  const largest = (axis: 1 | 2 | 3) => Math.max(...shapes.map((shape) => shape[axis]));
  return [largest(1), largest(2), largest(3)];
}

/** The largest piece of the start picture that is encoded at once. */
function encodedPiece({ section }: WorkShape, { spatialTiles }: Comfort): readonly [heightPx: number, widthPx: number] {
  const [, height, width] = section.window;
  const shapes = tileShapes([3, 1, 8 * height, 8 * width], encodeTiling, spatialTiles);
  return [Math.max(...shapes.map((shape) => shape[2])), Math.max(...shapes.map((shape) => shape[3]))];
}

/** The preparation is done part by part. */
function largestPart(question: MemoryQuestion, comfort: Comfort): Part {
  const { model: { transformer, vae, llama, clip, siglip }, work } = question;
  const { encoderBytes } = vaeWeights(question);
  const part = (place: Place, sizeBytes: number, workingBytes: number, layerBytes = 0): Part => ({
    weightsBytes: place === "loaded" ? sizeBytes : 0,
    slotBytes: place === "streamed" ? layerBytes : 0,
    bytes: withMargin(question, workingBytes),
  });
  const refiner = { hidden: transformer.hidden, mlpHidden: 4 * transformer.hidden };
  const parts = [
    part(comfort.llama, llama.bytes, encoderWorkingBytes(llama, llamaTokensMax), llama.layerBytes),
    part(comfort.smallEncoders, clip.bytes, encoderWorkingBytes(clip, clipTokensMax)),
    part(comfort.smallEncoders, siglip.bytes, encoderWorkingBytes(siglip, siglipTokens)),
    part(comfort.vae, encoderBytes, encodingWorkingBytes(vae.blockChannels, encodedPiece(work, comfort))),
    part(comfort.conditioning, transformer.conditioningBytes, encoderWorkingBytes(refiner, conditioningTokensMax)),
  ];
  const totalBytes = (part: Part) => part.weightsBytes + 2 * part.slotBytes + part.bytes;
  return parts.reduce((largest, next) => totalBytes(next) > totalBytes(largest) ? next : largest);
}

const withMargin = ({ margin = workingMargins[0] }: MemoryQuestion, bytes: number): number =>
  Math.ceil(bytes * (1 + margin));

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
