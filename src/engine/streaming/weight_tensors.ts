/**
 * Weights in a device's memory as the tensors that graphs take.
 * @module
 */
import type { DeviceMemory } from "../onnx/device_memory.ts";
import type { DeviceTensor } from "../onnx/device_tensor.ts";
import type { Device, Runtime } from "../onnx/runtime.ts";
import type { WeightLayout } from "./weight_layout.ts";

/** A block's weights as its graph takes them. */
export type Weights = Readonly<Record<string, DeviceTensor>>;

/** Makes them once for each piece of memory and layout. */
export class WeightTensors {
  readonly #runtime: Pick<Runtime, "tensorIn">;
  readonly #device: Device;
  readonly #known = new WeakMap<DeviceMemory, Map<WeightLayout, Weights>>();

  constructor(runtime: Pick<Runtime, "tensorIn">, device: Device) {
    this.#runtime = runtime;
    this.#device = device;
  }

  in(memory: DeviceMemory, layout: WeightLayout): Weights {
    const byLayout = this.#known.get(memory) ?? new Map<WeightLayout, Weights>();
    this.#known.set(memory, byLayout);
    const known = byLayout.get(layout) ?? Object.fromEntries(
      layout.tensors.map((place) => [place.name, this.#runtime.tensorIn(this.#device, memory, place)]),
    );
    byLayout.set(layout, known);
    return known;
  }
}
