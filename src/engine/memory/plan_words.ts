/**
 * A memory plan in words, for the log, the view and `deno task doctor`.
 * @module
 */
import type { PictureSize } from "../sampling/mod.ts";
import type { MemoryPlan, MemoryRefusal, Place, WeightPrecision } from "./memory_plan.ts";
import { workingMargins } from "./phases.ts";

export const precisionNames: Readonly<Record<WeightPrecision, string>> = {
  bf16: "bfloat16",
  fp8: "8-bit (e4m3)",
  int4: "4-bit",
};

/** One sentence for each thing that differs from card to card. */
export function planWords(plan: MemoryPlan): string[] {
  return [
    `${gigabytes(plan.peakBytes)} of ${gigabytes(plan.limitBytes)} GB at most (${marginWords(plan)}), ` +
    `weights of the blocks in ${precisionNames[plan.precision]}`,
    blockWords(plan),
    encoderWords(plan),
    vaeWords(plan),
    ...(plan.mlpChunks > 1 ? [`MLPs take their tokens in ${plan.mlpChunks} parts`] : []),
    memoryWords(plan),
  ];
}

function marginWords({ margin }: MemoryPlan): string {
  const added = `calculated, with ${Math.round(100 * margin)} % to spare for what comes and goes`;
  return margin > workingMargins[0] ? `${added}, since less was not enough` : added;
}

function blockWords({ dual, single, staging }: MemoryPlan): string {
  const streamed = dual.streamed.length + single.streamed.length;
  const all = streamed + dual.resident.length + single.resident.length;
  if (streamed === 0) return `all ${all} blocks stay on the card`;
  const stay = [`${dual.resident.length} dual`, `${single.resident.length} single`];
  return `${stay.join(" and ")} blocks stay on the card; ${dual.streamed.length} dual and ${single.streamed.length} ` +
    `single ones are streamed in every step, through two slots of ${megabytes(staging.slotBytes)} MB`;
}

const placeWords: Readonly<Record<Place, string>> = {
  resident: "stays on the card",
  loaded: "is loaded for each video and released",
  streamed: "is streamed layer by layer for each video",
};

function encoderWords({ llama, smallEncoders, conditioning }: MemoryPlan): string {
  const stay = { resident: "stay on the card", loaded: "are loaded for each video and released" } as const;
  return `LLaMA ${placeWords[llama]}; CLIP and SigLIP ${stay[smallEncoders]}; condition embedders ${
    stay[conditioning]
  }`;
}

function vaeWords({ vae: { place, spatialTiles, tile, decode } }: MemoryPlan): string {
  const pieces = spatialTiles === "whole" ? "whole pictures" : `tiles of ${sizeWords(tile)}`;
  const when = decode === "overlapped" ? "while the next section is sampled" : "between the sections";
  const weights = place === "loaded" ? ", its weights loaded each time" : "";
  return `the decoder takes ${pieces}, ${tile.latentFrames} latent frames at once, ${when}${weights}`;
}

function memoryWords({ cudaBytes, residentBytes, staging, arenaBytes, host }: MemoryPlan): string {
  const packed = host.packedBytes > 0 ? ` and ${gigabytes(host.packedBytes)} GB of packed weights` : "";
  return `${gigabytes(residentBytes)} GB of weights that stay, ${
    gigabytes(staging.slots * staging.slotBytes)
  } GB of slots, ` +
    `${gigabytes(arenaBytes)} GB for what comes and goes, ${gigabytes(cudaBytes)} GB for CUDA; ` +
    `in main memory ${gigabytes(host.pinnedBytes)} GB of page-locked buffers${packed}`;
}

/** One sentence with the numbers. `asked` is the size and the precision that do not fit. */
export function refusalWords(
  { phase, neededBytes, limitBytes, missingBytes, fittingSize, fittingPrecision }: MemoryRefusal,
  asked: PictureSize & { readonly precision: WeightPrecision },
): string {
  const what = { preparing: "reading prompt and picture", sampling: "sampling", decoding: "decoding" }[phase];
  const ways = [
    ...(fittingSize ? [`${sizeWords(fittingSize)} fits`] : []),
    ...(fittingPrecision ? [`weights in ${precisionNames[fittingPrecision]} fit`] : []),
  ];
  return `${sizeWords(asked)} in ${precisionNames[asked.precision]} needs ${gigabytes(neededBytes)} GB of VRAM for ` +
    `${what}, of which ${gigabytes(missingBytes, Math.ceil)} GB are missing (${
      gigabytes(limitBytes)
    } GB may be used); ` +
    (ways.length > 0 ? ways.join(", and ") : "nothing smaller fits either");
}

const sizeWords = ({ widthPx, heightPx }: PictureSize) => `${widthPx} × ${heightPx}`;
const megabytes = (bytes: number) => Math.round(bytes / 1e6);

/** Of 10⁹ bytes, with two digits behind the point. */
export const gigabytes = (bytes: number, round: (value: number) => number = Math.round) =>
  (round(bytes / 1e7) / 100).toFixed(2);
