/**
 * What can go wrong inside the engine, one class per boundary.
 * @module
 */

/** A model folder, a weight file or a tensor in it is missing, damaged or of the wrong shape. */
export class CheckpointError extends Error {
  override readonly name = "CheckpointError";
}

/** ONNX Runtime refused a graph or a run. The message lists names, shapes and types. */
export class InferenceError extends Error {
  override readonly name = "InferenceError";
}

/** The process an engine lived in ended while it was working. */
export class EngineLostError extends Error {
  override readonly name = "EngineLostError";
}

/**
 * `missing`: no GPU, no driver, no library, or somebody else has it. `out of memory`: others or a too large video took it all.
 * `lost`: it failed in the middle of its work, and this process cannot use it any more.
 */
export type DeviceFault = "missing" | "out of memory" | "lost";

/** A GPU cannot be used, or not any more. */
export class DeviceError extends Error {
  override readonly name = "DeviceError";
  constructor(readonly fault: DeviceFault, message: string, options?: ErrorOptions) {
    super(message, options);
  }
}

/** Whether an engine's process or GPU is gone: nothing was wrong with what it was asked for. */
export const isEngineLost = (cause: unknown): boolean =>
  cause instanceof EngineLostError || (cause instanceof DeviceError && cause.fault === "lost");

/** A request that this model cannot fulfil, found by the engine and not by the schema. */
export class RequestError extends RangeError {
  override readonly name = "RequestError";
  constructor(readonly field: string, message: string, options?: ErrorOptions) {
    super(message, options);
  }
}

/** Numbers of a video that a GPU's memory is too small for, in bytes. */
export interface MemoryShortage {
  readonly neededBytes: number;
  readonly limitBytes: number;
  readonly missingBytes: number;
  /** The next size of about this shape that fits; null when none does. */
  readonly fittingSize: { readonly widthPx: number; readonly heightPx: number } | null;
}

/** A request that a GPU's memory is too small for, found before anything was taken of it. */
export class MemoryShortageError extends RangeError {
  override readonly name = "MemoryShortageError";
  constructor(message: string, readonly shortage: MemoryShortage) {
    super(message);
  }
}

/** An error on its way from an engine process to the server. */
export interface ErrorReport {
  readonly kind: "failed";
  readonly error: string;
  readonly message: string;
  readonly field?: string;
  readonly fault?: DeviceFault;
  readonly shortage?: MemoryShortage;
}

export function reportOfError(cause: unknown): ErrorReport {
  if (!(cause instanceof Error)) return { kind: "failed", error: "Error", message: String(cause) };
  const { name: error, message } = cause;
  if (cause instanceof RequestError) return { kind: "failed", error, message, field: cause.field };
  if (cause instanceof DeviceError) return { kind: "failed", error, message, fault: cause.fault };
  if (cause instanceof MemoryShortageError) return { kind: "failed", error, message, shortage: cause.shortage };
  return { kind: "failed", error, message };
}

export function errorOfReport({ error, message, field, fault, shortage }: ErrorReport): Error {
  if (error === "CheckpointError") return new CheckpointError(message);
  if (error === "InferenceError") return new InferenceError(message);
  if (error === "DeviceError") return new DeviceError(fault ?? "lost", message);
  if (error === "RequestError") return new RequestError(field ?? "", message);
  if (error === "MemoryShortageError" && shortage) return new MemoryShortageError(message, shortage);
  return new Error(message);
}
