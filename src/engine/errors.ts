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
  constructor(readonly field: string, message: string) {
    super(message);
  }
}
