/**
 * LLaMA layer by layer: while one computes, the next one's weights are copied into the other of two slots, which are gone after
 * each prompt. Of the embedding only the prompt's rows leave the file.
 * @module
 */
import { llamaEdgeGraph, llamaLayerGraph, llamaLayerPaths, type LlamaSource } from "../llama_graphs.ts";
import type { LlamaNetwork, LlamaRotations } from "../llama_encoder.ts";
import type { DeviceMemoryPort } from "../onnx/device_memory.ts";
import type { ExecutableCache } from "../onnx/executable_cache.ts";
import { encodeModel, type GraphSpec } from "../onnx/model_proto.ts";
import type { DeviceTensor } from "../onnx/device_tensor.ts";
import type { Device, Executable, Runtime } from "../onnx/runtime.ts";
import { readWeightRows } from "../onnx/safetensors.ts";
import { float32Tensor, type Tensor } from "../onnx/tensor.ts";
import { layoutOf } from "./weight_layout.ts";
import { readBlock, type StreamedBlock } from "./weight_reader.ts";
import { WeightStream } from "./weight_stream.ts";
import { WeightTensors } from "./weight_tensors.ts";

export interface StreamedLlamaOptions {
  readonly source: LlamaSource;
  readonly executables: ExecutableCache;
  readonly runtime: Pick<Runtime, "openMemory" | "tensorIn">;
  readonly device: Device;
}

export class StreamedLlama implements LlamaNetwork {
  readonly #options: StreamedLlamaOptions;
  readonly #layers: readonly StreamedBlock[];

  /** Takes no memory yet. */
  constructor(options: StreamedLlamaOptions) {
    this.#options = options;
    const layout = layoutOf(llamaLayerGraph(options.source).weights);
    this.#layers = llamaLayerPaths(options.source.config).map((path) => ({ path, layout }));
  }

  async states(ids: readonly number[], { cos, sin }: LlamaRotations, signal: AbortSignal): Promise<Tensor<"float32">> {
    const { enter, layer, leave } = await this.#compiled();
    using held = new Held();
    const embedded = { states: await this.#embedded(ids) };
    held.next((await enter.runInto(embedded, { cast: "device" }, signal)).cast);
    const { runtime, device } = this.#options;
    const tensors = new WeightTensors(runtime, device);
    using memory = runtime.openMemory(device, "arena");
    await using stream = this.#stream(memory);
    await stream.pass({
      blocks: this.#layers,
      next: [],
      compute: async ({ layout }, slot) => {
        const inputs = { states: held.tensor, cos, sin, ...tensors.in(slot, layout) };
        held.next((await layer.runInto(inputs, { next: "device" }, signal)).next);
      },
    }, signal);
    const { cast } = await leave.runInto({ states: held.tensor }, { cast: "host" }, signal);
    return cast as Tensor<"float32">;
  }

  async warm(): Promise<void> {
    await this.#compiled();
  }

  async #embedded(ids: readonly number[]): Promise<Tensor<"float32">> {
    const { checkpoint, config: { hidden } } = this.#options.source;
    return float32Tensor([ids.length, hidden], await readWeightRows(checkpoint.get("embed_tokens.weight"), ids));
  }

  #stream(memory: DeviceMemoryPort): WeightStream<StreamedBlock> {
    const { checkpoint } = this.#options.source;
    const { sizeBytes } = this.#layers[0]!.layout;
    return new WeightStream({
      memory,
      slotBytes: sizeBytes,
      stagingBytes: sizeBytes,
      read: (layer, into, signal) => readBlock(checkpoint, layer, into, signal),
    });
  }

  async #compiled() {
    const { source } = this.#options;
    const [enter, layer, leave] = await Promise.all([
      this.#executable("text_encoder enter", () => llamaEdgeGraph(source, "enter")),
      this.#executable("text_encoder layer", () => llamaLayerGraph(source).spec),
      this.#executable("text_encoder leave", () => llamaEdgeGraph(source, "leave")),
    ]);
    return { enter, layer, leave };
  }

  #executable(key: string, build: () => GraphSpec): Promise<Executable> {
    return this.#options.executables.get(key, () => encodeModel(build()));
  }
}

/** The newest result; the one before it is given back. */
class Held implements Disposable {
  #tensor: DeviceTensor | undefined;

  get tensor(): DeviceTensor {
    return this.#tensor!;
  }

  next(tensor: DeviceTensor): void {
    this[Symbol.dispose]();
    this.#tensor = tensor;
  }

  [Symbol.dispose](): void {
    this.#tensor?.[Symbol.dispose]();
  }
}
