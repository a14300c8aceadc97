/**
 * What the GPUs of this machine mean for FramePack.
 * @module
 */
import type { Gpu, GpuSearch } from "../nvidia_smi.ts";
import { installDriver, oldestDriverOf } from "./cuda_provider.ts";
import { bytesInWords, type Finding, missing, note, ok } from "./finding.ts";

/** bfloat16 came with Ampere, 8-bit floating point with Ada. */
const bfloat16Since = [8, 0] as const;
const float8Since = [8, 9] as const;

/** @param cudaMajor of the provider in use; null when there is none or it does not tell */
export function gpuFindings(search: GpuSearch, cudaMajor: number | null): Finding[] {
  if (search.kind !== "found") {
    return [missing("GPU", search.why, search.kind === "failed" ? installDriver(cudaMajor) : undefined)];
  }
  const [first] = search.gpus;
  return [...search.gpus.map(gpuFinding), ...first ? driverFindings(first, cudaMajor) : []];
}

function gpuFinding(gpu: Gpu): Finding {
  const subject = `GPU ${gpu.index}`;
  const { name, computeCapability: capability, memory } = gpu;
  const memoryWords = memory
    ? `${bytesInWords(memory.freeBytes)} of ${bytesInWords(memory.totalBytes)} free`
    : "memory shared with the processor, the driver tells no numbers";
  if (capability && isBefore(capability, bfloat16Since)) {
    return missing(
      subject,
      `${name} has no bfloat16 (compute capability ${capability.join(".")}, FramePack needs ${
        bfloat16Since.join(".")
      })`,
    );
  }
  const float8 = capability && !isBefore(capability, float8Since) ? ", computes in 8 bits" : "";
  return ok(subject, `${name}, ${memoryWords}${float8}`);
}

function driverFindings({ driverVersion }: Gpu, cudaMajor: number | null): Finding[] {
  const oldest = cudaMajor === null ? undefined : oldestDriverOf(cudaMajor);
  if (oldest === undefined) return [note("driver", `${driverVersion}; which it must be depends on the CUDA provider`)];
  return Number.parseInt(driverVersion) >= oldest
    ? [ok("driver", `${driverVersion}, CUDA ${cudaMajor} needs ${oldest}`)]
    : [missing("driver", `${driverVersion} is too old: CUDA ${cudaMajor} needs ${oldest}`, installDriver(cudaMajor))];
}

type Capability = readonly [major: number, minor: number];

const isBefore = ([major, minor]: Capability, since: Capability) =>
  major < since[0] || (major === since[0] && minor < since[1]);
