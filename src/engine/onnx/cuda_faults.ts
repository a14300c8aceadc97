/**
 * What CUDA and ONNX Runtime say when a GPU fails, as one sentence and as what can be done about it. Pure.
 * @module
 */
import { DeviceError, type DeviceFault } from "../errors.ts";

/** `cudaError_t` (driver_types.h of CUDA 13) by what it means for the process. */
const codes: Readonly<Record<DeviceFault, readonly number[]>> = {
  // The driver is absent or too old, there is no such device, somebody else has it for himself.
  missing: [3, 34, 35, 46, 100, 101, 802, 803, 804],
  "out of memory": [2],
  // The context is gone or its memory cannot be trusted: only a new process helps.
  lost: [214, 220, 226, ...range(700, 722), 911, 999],
};

/** A failure of a CUDA call while `doing` something. `text` is CUDA's own. */
export function cudaError(code: number, text: string, doing: string): DeviceError {
  const fault = faultOfCode(code) ?? "lost";
  return new DeviceError(fault, `Cannot ${doing}: ${refusals[fault]} (CUDA error ${code}: ${text})`);
}

/**
 * The device's fault behind a message of ONNX Runtime, or undefined when the message tells of none. Its forms are
 * `CUDA failure 2: out of memory ; GPU=0 ; …` (cuda_call.cc), the same of cuBLAS, cuDNN and cuRAND, and those of the
 * arena (bfc_arena.cc).
 */
export function deviceErrorIn(message: string): DeviceError | undefined {
  const fault = faultOf(message);
  if (fault === undefined) return undefined;
  return new DeviceError(fault, `${sentences[fault]} (${faultText(message)})`);
}

/** The part of a message that tells of the fault, without places in source files. */
export function faultText(message: string): string {
  const told = /\b(CUDA|CUBLAS|CUDNN|CURAND) (failure|error) \d+: [^;\n]*|Failed to allocate memory .*|dlopen failed .*/
    .exec(message);
  return (told ?? message.split("\n"))[0]!.trim();
}

function faultOf(message: string): DeviceFault | undefined {
  const [, code] = /\bCUDA (?:failure|error) (\d+)\b/.exec(message) ?? [];
  if (code !== undefined) return faultOfCode(Number(code));
  // The arena of the CPU says the same; a message of a GPU's is told by the device that is asked.
  if (/Failed to allocate memory for requested buffer|is smaller than requested bytes/.test(message)) {
    return "out of memory";
  }
  if (/cuDNN is unavailable/.test(message)) return "missing";
  if (/(CUBLAS|CUDNN|CURAND)_STATUS_(ALLOC|ALLOCATION)_FAILED/.test(message)) return "out of memory";
  if (/(CUBLAS|CUDNN|CURAND)_STATUS_(EXECUTION_FAILED|INTERNAL_ERROR|LAUNCH_FAILURE)/.test(message)) return "lost";
  return undefined;
}

const faultOfCode = (code: number) =>
  (Object.keys(codes) as DeviceFault[]).find((fault) => codes[fault].includes(code));

const sentences: Readonly<Record<DeviceFault, string>> = {
  missing: "The GPU cannot be used",
  "out of memory": "The GPU's memory is full",
  lost: "The GPU was lost",
};

/** After what could not be done. */
const refusals: Readonly<Record<DeviceFault, string>> = {
  missing: "it is not there, or its driver is missing or too old",
  "out of memory": "there is not enough",
  lost: "it was lost",
};

function range(start: number, end: number): number[] {
  return Array.from({ length: end - start }, (_, index) => start + index);
}
