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

/** A request that this model cannot fulfil, found by the engine and not by the schema. */
export class RequestError extends RangeError {
  override readonly name = "RequestError";
  constructor(readonly field: string, message: string, options?: ErrorOptions) {
    super(message, options);
  }
}

/** An error on its way from an engine process to the server. */
interface ErrorReport {
  readonly kind: "failed";
  readonly error: string;
  readonly message: string;
  readonly field?: string;
  readonly fault?: DeviceFault;
}

export function reportOfError(cause: unknown): ErrorReport {
  if (!(cause instanceof Error)) return { kind: "failed", error: "Error", message: String(cause) };
  const { name: error, message } = cause;
  if (cause instanceof RequestError) return { kind: "failed", error, message, field: cause.field };
  if (cause instanceof DeviceError) return { kind: "failed", error, message, fault: cause.fault };
  return { kind: "failed", error, message };
}

export function errorOfReport({ error, message, field, fault }: ErrorReport): Error {
  if (error === "CheckpointError") return new CheckpointError(message);
  if (error === "InferenceError") return new InferenceError(message);
  if (error === "DeviceError") return new DeviceError(fault ?? "lost", message);
  if (error === "RequestError") return new RequestError(field ?? "", message);
  return new Error(message);
}
