/**
 * Devices and their memory, as ONNX Runtime names them.
 * @module
 */
import type { MemoryPlace } from "./device_tensor.ts";
import { allocatorType, cString, handleFrom, memoryType, type OrtApi } from "./ort_api.ts";

/** Where an executable computes. */
export type Device = { readonly kind: "cpu" } | CudaDevice;

/** A GPU, counted from 0 as CUDA sees them. */
export interface CudaDevice {
  readonly kind: "cuda";
  readonly index: number;
  /**
   * What all executables of the process may take together, their own weights included; weights in memory of ours do not
   * count. Default: whatever is free.
   */
  readonly memoryLimitBytes?: number;
  /**
   * Of it, what is taken at once and in one piece, for whatever comes and goes; the rest is for weights that stay. Default:
   * memory is taken as it is asked for.
   */
  readonly arenaBytes?: number;
}

const known = new Map<OrtApi, Map<string, MemoryPlace>>();

/** Main memory. One description per process: tensors may outlive everything else. */
export const hostMemoryPlace = (api: OrtApi): MemoryPlace =>
  memoryPlace(api, "host", (out) => api.createCpuMemoryInfo(allocatorType.arena, memoryType.default, out));

/** Memory that executables of a device compute in. */
export function deviceMemoryPlace(api: OrtApi, device: Device): MemoryPlace {
  if (device.kind === "cpu") return hostMemoryPlace(api);
  return memoryPlace(
    api,
    "cuda",
    (out) => api.createMemoryInfo(cString("Cuda"), allocatorType.device, device.index, memoryType.default, out),
    device.index,
  );
}

function memoryPlace(
  api: OrtApi,
  kind: MemoryPlace["kind"],
  make: (out: BigUint64Array<ArrayBuffer>) => void,
  index = 0,
): MemoryPlace {
  const places = known.get(api) ?? new Map<string, MemoryPlace>();
  known.set(api, places);
  const name = `${kind} ${index}`;
  const place = places.get(name) ?? { kind, info: handleFrom(make) };
  places.set(name, place);
  return place;
}
