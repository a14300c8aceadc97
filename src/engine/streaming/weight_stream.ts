/**
 * Carries out the orders of `stream_orders.ts`: two slots of device memory, each with staging memory of its own, through
 * which blocks' weights go while others compute.
 * @module
 */
import type { DeviceMemory, DeviceMemoryPort, StagingMemory } from "../onnx/device_memory.ts";
import { streamOrders } from "./stream_orders.ts";
import type { StreamedBlock } from "./weight_reader.ts";

export interface WeightStreamOptions<Block extends StreamedBlock> {
  readonly memory: DeviceMemoryPort;
  /** Size of the largest block that is streamed. */
  readonly slotBytes: number;
  /** Size of the largest block of all: those that stay are brought through the same staging memory. */
  readonly stagingBytes: number;
  /** Fills staging memory with a block's weights. */
  readonly read: (block: Block, into: Uint8Array<ArrayBuffer>, signal?: AbortSignal) => Promise<void>;
  /** Default 2. */
  readonly slots?: number;
}

/** One pass over blocks. */
export interface Pass<Block extends StreamedBlock> {
  /** In the order of computing. */
  readonly blocks: readonly Block[];
  /** What the next pass will begin with; fetched at the end of this one. */
  readonly next: readonly Block[];
  /** Runs a block on its weights; they stay until the promise settles. */
  readonly compute: (block: Block, weights: DeviceMemory) => Promise<void>;
}

interface Slot<Block> {
  readonly staging: StagingMemory;
  readonly memory: DeviceMemory;
  block: Block | undefined;
  /** The last read into the staging memory, and the last upload out of it. */
  read: Promise<void>;
  uploaded: Promise<void>;
}

export class WeightStream<Block extends StreamedBlock> implements AsyncDisposable {
  readonly #options: WeightStreamOptions<Block>;
  readonly #slots: Slot<Block>[];
  readonly #residents = new Map<Block, DeviceMemory>();

  /** @throws DeviceError when there is no memory for the slots */
  constructor(options: WeightStreamOptions<Block>) {
    this.#options = options;
    const { memory, slotBytes, stagingBytes, slots = 2 } = options;
    this.#slots = Array.from({ length: slots }, () => ({
      staging: memory.stage(stagingBytes),
      memory: memory.allocate(slotBytes),
      block: undefined,
      read: Promise.resolve(),
      uploaded: Promise.resolve(),
    }));
  }

  /** Gives blocks memory of their own, where their weights stay. Those that have it already are left alone. */
  async keep(blocks: readonly Block[], signal: AbortSignal): Promise<void> {
    const { memory } = this.#options;
    const missing = blocks.filter((block) => !this.#residents.has(block));
    if (missing.length === 0) return;
    for (const slot of this.#slots) await this.#forget(slot);
    try {
      for (const [index, block] of missing.entries()) {
        signal.throwIfAborted();
        const { staging, uploaded } = this.#slots[index % this.#slots.length]!;
        await uploaded;
        await this.#options.read(block, staging.bytes, signal);
        const own = memory.allocate(block.layout.sizeBytes);
        this.#residents.set(block, own);
        const done = memory.upload(staging, own, block.layout.sizeBytes);
        this.#slots[index % this.#slots.length]!.uploaded = done;
        done.catch(() => this.#drop(block));
      }
    } finally {
      await Promise.all(this.#slots.map(({ uploaded }) => uploaded));
    }
  }

  /** @throws what `compute` or `read` threw; the signal's reason when stopped. The next pass begins anew. */
  async pass({ blocks, next, compute }: Pass<Block>, signal: AbortSignal): Promise<void> {
    const orders = streamOrders({
      blocks,
      next,
      slots: this.#slots.map(({ block }) => block),
      isResident: (block) => this.#residents.has(block),
    });
    try {
      for (const { kind, block, slot } of orders) {
        signal.throwIfAborted();
        if (kind === "compute") await compute(block, this.#weights(block, slot));
        else if (kind === "await") await this.#slots[slot]!.uploaded;
        else if (kind === "read") this.#read(this.#slots[slot]!, block, signal);
        else this.#upload(this.#slots[slot]!, block);
      }
    } catch (cause) {
      for (const slot of this.#slots) await this.#forget(slot);
      throw cause;
    }
  }

  /** Waits for the copies under way, and gives all memory back. No pass may be under way. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const slot of this.#slots) {
      await this.#forget(slot);
      slot.memory[Symbol.dispose]();
      slot.staging[Symbol.dispose]();
    }
    for (const memory of this.#residents.values()) memory[Symbol.dispose]();
    this.#residents.clear();
  }

  #drop(block: Block): void {
    this.#residents.get(block)?.[Symbol.dispose]();
    this.#residents.delete(block);
  }

  #weights(block: Block, slot: number | null): DeviceMemory {
    return slot === null ? this.#residents.get(block)! : this.#slots[slot]!.memory;
  }

  #read(slot: Slot<Block>, block: Block, signal: AbortSignal): void {
    const before = slot.uploaded;
    slot.read = (async () => {
      await before;
      await this.#options.read(block, slot.staging.bytes, signal);
    })();
    slot.read.catch(() => {}); // the upload tells
  }

  #upload(slot: Slot<Block>, block: Block): void {
    const { read, staging, memory } = slot;
    slot.block = block;
    slot.uploaded = (async () => {
      await read;
      await this.#options.memory.upload(staging, memory, block.layout.sizeBytes);
    })();
    slot.uploaded.catch(() => {}); // who awaits the block is told
  }

  /** After this nothing is under way in a slot, and it counts as empty. */
  async #forget(slot: Slot<Block>): Promise<void> {
    await slot.read.catch(() => {});
    await slot.uploaded.catch(() => {});
    slot.block = undefined;
    slot.read = slot.uploaded = Promise.resolve();
  }
}
