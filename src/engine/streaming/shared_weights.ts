/**
 * Weights that several compiled graphs of a network share: on the device once, whatever shapes the graphs are for.
 * @module
 */
import type { DeviceMemory, DeviceMemoryPort } from "../onnx/device_memory.ts";
import type { Device, Runtime } from "../onnx/runtime.ts";
import type { Checkpoint } from "../onnx/safetensors.ts";
import type { WeightLayout } from "./weight_layout.ts";
import { readBlock } from "./weight_reader.ts";
import { type Weights, WeightTensors } from "./weight_tensors.ts";

export interface SharedWeightsOptions {
  readonly checkpoint: Checkpoint;
  readonly runtime: Pick<Runtime, "openMemory" | "tensorIn">;
  readonly device: Device;
  /** `while used`: they come for each use, in memory that graphs compute in, and `leave` after it. */
  readonly stay: "always" | "while used";
}

export class SharedWeights implements AsyncDisposable {
  readonly #options: SharedWeightsOptions;
  readonly #tensors: WeightTensors;
  readonly #there = new Map<WeightLayout, Promise<DeviceMemory>>();
  #port: DeviceMemoryPort | undefined;

  /** Takes no memory yet. */
  constructor(options: SharedWeightsOptions) {
    this.#options = options;
    this.#tensors = new WeightTensors(options.runtime, options.device);
  }

  get stay(): SharedWeightsOptions["stay"] {
    return this.#options.stay;
  }

  /** All weights of a layout, by the names that its graphs have for them. A failure is not kept. */
  async of(layout: WeightLayout, signal: AbortSignal): Promise<Weights> {
    const memory = this.#there.get(layout) ?? this.#bring(layout, signal);
    this.#there.set(layout, memory);
    memory.catch(() => this.#there.delete(layout));
    return this.#tensors.in(await memory, layout);
  }

  /** The end of a use: what does not stay always gives its memory back. No run may be under way. */
  async leave(): Promise<void> {
    if (this.#options.stay === "while used") await this.#releaseAll();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#releaseAll();
    this.#port?.[Symbol.dispose]();
    this.#port = undefined;
  }

  async #bring(layout: WeightLayout, signal: AbortSignal): Promise<DeviceMemory> {
    const { checkpoint, runtime, device, stay } = this.#options;
    const port = this.#port ??= runtime.openMemory(device, stay === "always" ? "free" : "arena");
    using staging = port.stage(layout.sizeBytes);
    await readBlock(checkpoint, { path: "", layout }, staging.bytes, signal);
    const memory = port.allocate(layout.sizeBytes);
    try {
      await port.upload(staging, memory, layout.sizeBytes);
    } catch (cause) {
      memory[Symbol.dispose]();
      throw cause;
    }
    return memory;
  }

  async #releaseAll(): Promise<void> {
    const pieces = [...this.#there.values()];
    this.#there.clear();
    for (const piece of await Promise.allSettled(pieces)) {
      if (piece.status === "fulfilled") piece.value[Symbol.dispose]();
    }
  }
}
