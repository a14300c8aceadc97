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
}

export function reportOfError(cause: unknown): ErrorReport {
  if (!(cause instanceof Error)) return { kind: "failed", error: "Error", message: String(cause) };
  const { name: error, message } = cause;
  return cause instanceof RequestError
    ? { kind: "failed", error, message, field: cause.field }
    : { kind: "failed", error, message };
}

export function errorOfReport({ error, message, field }: ErrorReport): Error {
  if (error === "CheckpointError") return new CheckpointError(message);
  if (error === "InferenceError") return new InferenceError(message);
  if (error === "RequestError") return new RequestError(field ?? "", message);
  return new Error(message);
}
