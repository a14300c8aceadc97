/**
 * What lies where in the memory of a GPU while a video is made: the question that is planned for, and the answer. Types
 * only; `plan_memory.ts` answers.
 *
 * Bytes are bytes. A block is one of the transformer's dual-stream or single-stream blocks, counted from 0.
 * @module
 */
import type { DecodeOrder } from "../event.ts";
import type { PictureSize } from "../sampling/mod.ts";
import type { SectionShape } from "../transformer_graphs.ts";
import type { ModelSizes } from "./model_sizes.ts";

/** How the matrices of the transformer's blocks are kept. Everything else keeps the format of its file. */
export type WeightPrecision = "bf16" | "fp8" | "int4";

export interface MemoryQuestion {
  readonly card: CardMemory;
  readonly model: ModelSizes;
  readonly work: WorkShape;
  readonly precision: WeightPrecision;
  /** What the user decided. Default: nothing. */
  readonly wishes?: MemoryWishes;
  /** Default: all. */
  readonly abilities?: PlanAbilities;
  /** On top of working memory, which is calculated: a share of it. Default `workingMargins[0]`. */
  readonly margin?: number;
}

/** Of the ways to save memory, those that whoever carries the plan out has. */
export interface PlanAbilities {
  readonly decode: readonly DecodeOrder[];
}

export interface CardMemory {
  readonly totalBytes: number;
  /** Free now, while this process holds nothing there but what CUDA itself needs. */
  readonly freeBytes: number;
  /** What CUDA itself will still take of it: 0 in a process that has started CUDA. Default `cudaStartBytes`. */
  readonly cudaBytes?: number;
}

/** The largest section of a video. All are equally large, so a plan holds for any length. */
export interface WorkShape {
  readonly section: SectionShape;
  /** Picture tokens and prompt tokens beside the packed ones. Default: as many as there can be. */
  readonly contextTokens?: number;
  /** Graphs that are there a second time, with adapters (LoRA) merged into their weights. Default 0. */
  readonly adapterBytes?: number;
  /** Adapters that lie beside the blocks' matrices. Default 0. */
  readonly sideBytes?: number;
  /**
   * Steps whose context tokens and modulation vectors are kept from one section to the next; twice as many under true
   * guidance. Default 1.
   */
  readonly preparedSteps?: number;
}

/** What users of ComfyUI and musubi-tuner know as `--reserve-vram` and `--blocks_to_swap`. */
export interface MemoryWishes {
  /** Not more than this, CUDA's own share included, however much is free. */
  readonly limitBytes?: number | undefined;
  /** Left for other programs. Default `reserveBytes` of `plan_memory.ts`. */
  readonly reserveBytes?: number | undefined;
  /** Exactly so many blocks are streamed. Default: as few as possible. */
  readonly streamedBlocks?: number | undefined;
  /** Tiles are part of the result. Default: the reference's rule (FramePack 97fe5db, `demo_gradio.py`): whole above 60 GB. */
  readonly spatialTiles?: "tiled" | "whole" | undefined;
}

/** `preparing`: prompt and picture become conditions. `sampling`: one forward pass. `decoding`: latents become frames. */
export type Phase = "preparing" | "sampling" | "decoding";

/**
 * `resident`: in VRAM from the first use on, over all sections and sessions.
 * `loaded`: as a whole for its part of a phase, and gone after it.
 * `streamed`: layer by layer through two slots, which are gone after its part of a phase.
 */
export type Place = "resident" | "loaded" | "streamed";

export interface MemoryPlan {
  readonly kind: "planned";
  readonly precision: WeightPrecision;
  readonly llama: Place;
  /** CLIP and SigLIP. */
  readonly smallEncoders: Exclude<Place, "streamed">;
  /** Token refiner, time, guidance and text embedders, image projection: done before the first step. */
  readonly conditioning: Exclude<Place, "streamed">;
  /**
   * Linear layers that make the modulation vectors: each block's pass through the slots once per prompt, and are nowhere in
   * VRAM while sampling.
   */
  readonly modulation: "precomputed";
  readonly dual: BlockPlaces;
  readonly single: BlockPlaces;
  /**
   * Slots that streamed blocks take turns in: block k+1 is copied while block k computes. Modulation layers pass through
   * them too, so they are there even where no block is streamed; for life, outside of the arena.
   */
  readonly staging: { readonly slots: 2; readonly slotBytes: number };
  /** The tokens of an MLP go through it in so many parts. */
  readonly mlpChunks: number;
  readonly vae: VaePlan;
  /** What CUDA will still take of the card for itself. */
  readonly cudaBytes: number;
  /** Everything `resident`, adapters included: allocated once, outside of the arena, in its exact size. */
  readonly residentBytes: number;
  /** Of it, weights that graphs take as inputs, the blocks' and the autoencoder's: memory that is not ONNX Runtime's. */
  readonly residentInputsBytes: number;
  /**
   * Everything else, in one region that all sessions share and that is taken at once: `max_mem` and
   * `initial_chunk_size_bytes` of ONNX Runtime's arena, `gpu_mem_limit` of its CUDA provider. What one phase gives back is
   * there for the next one, and memory that other programs take later is no danger.
   */
  readonly arenaBytes: number;
  /** What each phase takes of the arena; the largest is its size. */
  readonly phases: Readonly<Record<Phase, PhaseMemory>>;
  /** CUDA's share, what is resident, the slots, and the arena: what a monitor would show for the process. */
  readonly peakBytes: number;
  /** What the plan had to stay below. */
  readonly limitBytes: number;
  readonly host: HostMemory;
  /** Share of the working memory that was added to what is calculated. */
  readonly margin: number;
}

/** Every block is in exactly one of the two, in ascending order. */
export interface BlockPlaces {
  readonly resident: readonly number[];
  readonly streamed: readonly number[];
}

export interface VaePlan {
  /** Weights, in 16 bits. */
  readonly place: Exclude<Place, "streamed">;
  readonly spatialTiles: "tiled" | "whole";
  /** The largest piece that is decoded at once. */
  readonly tile: PictureSize & { readonly latentFrames: number };
  /** Tiles decoded at once. One fills a GPU; whether two are faster has not been measured. */
  readonly lanes: 1;
  /** `overlapped`: a section is decoded while the next one is sampled; both working memories are there at once. */
  readonly decode: DecodeOrder;
}

/** What lies in the arena at the worst moment of a phase. */
export interface PhaseMemory {
  /** Weights that are there for a part of this phase alone. */
  readonly weightsBytes: number;
  /** Two slots for an encoder's layers, where it is streamed. */
  readonly stagingBytes: number;
  /** Activations and workspaces, with a margin. */
  readonly workingBytes: number;
  /** The sum. */
  readonly arenaBytes: number;
}

export interface HostMemory {
  /** Page-locked buffers that copies to the GPU start from. */
  readonly pinnedBytes: number;
  /** Streamed weights in a precision that their file does not have: kept in main memory, beyond the page cache. */
  readonly packedBytes: number;
}

/** Nothing fits. The numbers are those of the smallest plan. */
export interface MemoryRefusal {
  readonly kind: "refused";
  readonly phase: Phase;
  readonly neededBytes: number;
  readonly limitBytes: number;
  readonly missingBytes: number;
  /** The largest size of about this shape that fits in the same precision; null when none does. */
  readonly fittingSize: PictureSize | null;
  /** The most exact precision that fits at the size asked for; null when none does. */
  readonly fittingPrecision: WeightPrecision | null;
}
