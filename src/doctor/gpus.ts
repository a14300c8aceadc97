/**
 * What the GPUs of this machine mean for FramePack.
 * @module
 */
import type { Gpu, GpuSearch } from "../nvidia_smi.ts";
import { installDriver, oldestDriverOf } from "./cuda_provider.ts";
import { bytesInWords, type Finding, missing, note, ok } from "./finding.ts";

/** What `FRAMECAST_DEVICE` names: one of these, or several GPUs. */
export type NamedDevice =
  | { readonly kind: "auto" | "cpu" }
  | { readonly kind: "cuda"; readonly index: number };

/** bfloat16 came with Ampere, 8-bit floating point with Ada. */
const bfloat16Since = [8, 0] as const;
const float8Since = [8, 9] as const;

/** Each GPU there is, and each that is named; none where there is no GPU. */
export function gpuFindings(search: GpuSearch, devices: readonly NamedDevice[]): Finding[] {
  if (search.kind !== "found") return [];
  const used = indexesUsed(devices);
  const absent = used.filter((index) => !search.gpus.some((gpu) => gpu.index === index));
  return [
    ...search.gpus.map((gpu) => gpuFinding(gpu, used.includes(gpu.index) ? "used" : "unused")),
    ...absent.map((index) => missing(`GPU ${index}`, "FRAMECAST_DEVICE names it, and it is not there")),
    ...unusedFindings(search.gpus.filter(hasBfloat16), used),
  ];
}

/** @param cudaMajor of the provider in use; null when there is none or it does not tell */
export function driverFindings(search: GpuSearch, cudaMajor: number | null): Finding[] {
  if (search.kind !== "found") {
    return [missing("GPU", search.why, search.kind === "failed" ? installDriver(cudaMajor) : undefined)];
  }
  const [first] = search.gpus;
  if (!first) return [];
  const { driverVersion } = first;
  const oldest = cudaMajor === null ? undefined : oldestDriverOf(cudaMajor);
  if (oldest === undefined) return [note("driver", `${driverVersion}; which it must be depends on the CUDA provider`)];
  return Number.parseInt(driverVersion) >= oldest
    ? [ok("driver", `${driverVersion}, CUDA ${cudaMajor} needs ${oldest}`)]
    : [missing("driver", `${driverVersion} is too old: CUDA ${cudaMajor} needs ${oldest}`, installDriver(cudaMajor))];
}

/** Those that a server would use, in the order in which they are named. */
export function gpusUsed(search: GpuSearch, devices: readonly NamedDevice[]): Gpu[] {
  const gpus = search.kind === "found" ? search.gpus : [];
  return indexesUsed(devices).flatMap((index) => gpus.find((gpu) => gpu.index === index) ?? []);
}

const indexesUsed = (devices: readonly NamedDevice[]): number[] =>
  devices.flatMap((device) => device.kind === "cuda" ? device.index : device.kind === "auto" ? 0 : []);

function unusedFindings(able: readonly Gpu[], used: readonly number[]): Finding[] {
  if (able.length < 2 || used.length !== 1) return [];
  const all = able.map(({ index }) => `cuda:${index}`).join();
  return [{ ...note("GPUs", `1 of ${able.length} would be used`), command: `FRAMECAST_DEVICE=${all}` }];
}

/** @param use one that is not used lacks nothing */
function gpuFinding(gpu: Gpu, use: "used" | "unused"): Finding {
  const subject = `GPU ${gpu.index}`;
  const { name, computeCapability: capability, memory } = gpu;
  const memoryWords = memory
    ? `${bytesInWords(memory.freeBytes)} of ${bytesInWords(memory.totalBytes)} free`
    : "memory shared with the processor, the driver tells no numbers";
  if (capability && !hasBfloat16(gpu)) {
    const [has, needed] = [capability.join("."), bfloat16Since.join(".")];
    const says = `${name} has no bfloat16 (compute capability ${has}, FramePack needs ${needed})`;
    return use === "used" ? missing(subject, says) : note(subject, says);
  }
  const float8 = capability && !isBefore(capability, float8Since) ? ", computes in 8 bits" : "";
  return ok(subject, `${name}, ${memoryWords}${float8}`);
}

/** bfloat16, as far as the driver tells. */
export const hasBfloat16 = ({ computeCapability: capability }: Gpu) =>
  !capability || !isBefore(capability, bfloat16Since);

type Capability = readonly [major: number, minor: number];

const isBefore = ([major, minor]: Capability, since: Capability) =>
  major < since[0] || (major === since[0] && minor < since[1]);
