/**
 * The weights of all blocks on a device: some stay, the others go through two slots. Runners that differ only in what lies
 * beside the weights share them.
 * @module
 */
import type { DeviceMemory, DeviceMemoryPort } from "../onnx/device_memory.ts";
import type { Device, Runtime } from "../onnx/runtime.ts";
import type { TransformerSource } from "../transformer_graphs.ts";
import { blocksOf, type KnownBlock, modulationLayersOf } from "./known_blocks.ts";
import type { SideBlock } from "./side_block.ts";
import { BlockReader } from "./weight_reader.ts";
import { WeightStream } from "./weight_stream.ts";

/** Blocks that keep their weights on the device, counted from 0; the others are streamed. A `MemoryPlan` is one. */
export interface WeightPlacement {
  readonly dual: { readonly resident: readonly number[] };
  readonly single: { readonly resident: readonly number[] };
}

export interface BlockWeightsOptions {
  readonly source: TransformerSource;
  readonly runtime: Pick<Runtime, "openMemory">;
  readonly device: Device;
  readonly placement: WeightPlacement;
}

/** One pass over blocks, or over the layers that make their modulation vectors. */
export interface WeightPass {
  readonly blocks: readonly KnownBlock[];
  /** Brought before it begins. */
  readonly beside: readonly SideBlock[];
  readonly compute: (
    block: KnownBlock,
    weights: DeviceMemory,
    memoryOf: (side: SideBlock) => DeviceMemory,
  ) => Promise<void>;
}

/** Of those that share a device: the one that has its weights there. */
interface Tenancy {
  tenant: BlockWeights | undefined;
}

export class BlockWeights implements AsyncDisposable {
  readonly memory: DeviceMemoryPort;
  /** In the order of computing. */
  readonly blocks: readonly KnownBlock<"dual" | "single">[];
  readonly layers: readonly KnownBlock[];
  readonly #options: BlockWeightsOptions;
  readonly #residents: readonly KnownBlock[];
  readonly #reader: BlockReader;
  readonly #tenancy: Tenancy;
  readonly #beside = new Map<SideBlock, DeviceMemory>();
  #stream: WeightStream<KnownBlock> | undefined;
  /** Passes take turns: they share the slots. */
  #turn: Promise<unknown> = Promise.resolve();

  /** Takes no memory yet. @throws DeviceError when the device cannot be reached */
  constructor(options: BlockWeightsOptions, tenancy: Tenancy = { tenant: undefined }) {
    const { source, runtime, device, placement } = options;
    this.#options = options;
    this.#tenancy = tenancy;
    this.memory = runtime.openMemory(device);
    this.#reader = new BlockReader(source.checkpoint);
    this.blocks = blocksOf(source);
    this.layers = modulationLayersOf(source);
    this.#residents = this.blocks.filter(({ kind, index }) => placement[kind].resident.includes(index));
  }

  /** Of the same shapes; the two take turns on the device. */
  under(source: TransformerSource): BlockWeights {
    return new BlockWeights({ ...this.#options, source }, this.#tenancy);
  }

  /** When it is this pass's turn. Every one is followed by one over the blocks. */
  pass({ blocks, beside, compute }: WeightPass, signal: AbortSignal): Promise<void> {
    const pass = this.#turn.then(async () => {
      const stream = await this.#enter();
      await stream.keep(this.#residents, signal);
      await this.#bring(beside, signal);
      const memoryOf = (side: SideBlock) => this.#beside.get(side)!;
      await stream.pass({
        blocks,
        next: this.blocks,
        compute: (block, memory) => compute(block, memory, memoryOf),
      }, signal);
    });
    this.#turn = pass.catch(() => {});
    return pass;
  }

  /** Gives back what these have of the device's memory; waits for what is under way. */
  async forget(beside: readonly SideBlock[]): Promise<void> {
    await this.#turn;
    for (const side of beside) {
      this.#beside.get(side)?.[Symbol.dispose]();
      this.#beside.delete(side);
    }
  }

  /** Waits for what is under way, and gives all memory back. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#leave();
    this.memory[Symbol.dispose]();
  }

  /** Gives the memory to others; the next pass brings everything again. */
  async #leave(): Promise<void> {
    await this.forget([...this.#beside.keys()]);
    await this.#stream?.[Symbol.asyncDispose]();
    this.#stream = undefined;
    if (this.#tenancy.tenant === this) this.#tenancy.tenant = undefined;
  }

  async #enter(): Promise<WeightStream<KnownBlock>> {
    const { tenant } = this.#tenancy;
    if (tenant && tenant !== this) await tenant.#leave();
    this.#tenancy.tenant = this;
    return this.#stream ??= this.#openStream();
  }

  #openStream(): WeightStream<KnownBlock> {
    const streamed = this.blocks.filter((block) => !this.#residents.includes(block));
    const largest = (blocks: readonly KnownBlock[]) => Math.max(...blocks.map(({ layout }) => layout.sizeBytes));
    return new WeightStream({
      memory: this.memory,
      slotBytes: largest([...streamed, ...this.layers]),
      stagingBytes: largest([...this.blocks, ...this.layers]),
      read: (block, into, signal) => this.#reader.read(block, into, signal),
    });
  }

  /** Those that are not there, one after the other. */
  async #bring(sides: readonly SideBlock[], signal: AbortSignal): Promise<void> {
    const missing = sides.filter((side) => !this.#beside.has(side));
    if (missing.length === 0) return;
    using staging = this.memory.stage(Math.max(...missing.map(({ layout }) => layout.sizeBytes)));
    for (const side of missing) {
      signal.throwIfAborted();
      await side.read(staging.bytes);
      const memory = this.memory.allocate(side.layout.sizeBytes);
      this.#beside.set(side, memory);
      await this.memory.upload(staging, memory, side.layout.sizeBytes);
    }
  }
}
