/**
 * Which device the networks run on, as it is asked for and as it turns out.
 * @module
 */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { type Device, packagedLibraryPath, type Runtime } from "./onnx/runtime.ts";

/** `auto`: the first GPU where ONNX Runtime can use one, else the CPU. */
export type DeviceChoice = Device | { readonly kind: "auto" };

/** @throws DeviceError when a GPU is asked for that cannot be used */
export function chooseDevice(choice: DeviceChoice, runtime: Pick<Runtime, "whyNot">): Device {
  const device = choice.kind === "auto" ? { kind: "cuda", index: 0 } as const : choice;
  const why = runtime.whyNot(device);
  if (why === undefined) return device;
  if (choice.kind === "auto") return { kind: "cpu" };
  throw why;
}

/** A device's name for people. */
export const nameOf = (device: Device): string => device.kind === "cuda" ? `GPU ${device.index}` : "CPU";

/**
 * A device's name for people, before an engine has been asked.
 * @param hasProvider whether ONNX Runtime's CUDA provider is installed
 */
export function deviceName(choice: DeviceChoice, hasProvider: boolean): string {
  if (choice.kind !== "auto") return nameOf(choice);
  return hasProvider ? "GPU 0, else CPU" : "CPU";
}

/** Whether ONNX Runtime's CUDA provider lies beside its library. */
export const hasCudaProvider = (libraryPath: string = packagedLibraryPath()): boolean =>
  existsSync(join(dirname(libraryPath), "libonnxruntime_providers_cuda.so"));

/** Index of the GPU that a device may turn out to be. @param hasProvider as for `deviceName` */
export function possibleGpu(choice: DeviceChoice, hasProvider: boolean): number | undefined {
  if (choice.kind === "cuda") return choice.index;
  return choice.kind === "auto" && hasProvider ? 0 : undefined;
}
