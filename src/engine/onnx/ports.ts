/**
 * What a graph takes and gives, and whether a run's inputs are that.
 * @module
 */
import { InferenceError } from "../errors.ts";
import { readTypeAndShape } from "./device_tensor.ts";
import { type Handle, handleAt, handleFrom, numberFrom, type OrtApi, textOf } from "./ort_api.ts";
import { type DType, elementCount } from "./tensor.ts";

/** An input or output of a graph. */
export interface Port {
  readonly name: string;
  readonly dtype: DType;
  /** Sizes; a name, or -1 for one without a name, where the size is known only at run time. */
  readonly shape: readonly (number | string)[];
}

/** What is known of an input wherever it lies; `data` where it lies in the program's memory. */
interface Given {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data?: { readonly length: number };
}

export function readPorts(api: OrtApi, session: Handle, side: "Input" | "Output"): Port[] {
  const allocator = handleFrom((out) => api.getAllocatorWithDefaultOptions(out));
  const count = numberFrom((out) => api[`sessionGet${side}Count`](session, out));
  return Array.from({ length: count }, (_, i) => {
    const nameInC = handleFrom((out) => api[`sessionGet${side}Name`](session, BigInt(i), allocator, out));
    const name = textOf(nameInC);
    api.allocatorFree(allocator, nameInC);
    const typeInfo = handleFrom((out) => api[`sessionGet${side}TypeInfo`](session, BigInt(i), out));
    try {
      const tensorInfo = handleFrom((out) => api.castTypeInfoToTensorInfo(typeInfo, out));
      const { dtype, shape: sizes } = readTypeAndShape(api, tensorInfo, name);
      const symbols = new BigUint64Array(sizes.length);
      api.getSymbolicDimensions(tensorInfo, symbols, BigInt(sizes.length));
      const shape = sizes.map((size, axis) => size >= 0 ? size : textOf(handleAt(symbols, axis)) || -1);
      return { name, dtype, shape };
    } finally {
      api.releaseTypeInfo(typeInfo);
    }
  });
}

/** Lists everything that is wrong at once. @throws InferenceError */
export function checkInputs(ports: readonly Port[], inputs: Readonly<Record<string, Given>>): void {
  const missing = ports.filter(({ name }) => !inputs[name]).map(({ name }) => `"${name}" is missing`);
  const unknown = Object.keys(inputs).filter((name) => !ports.some((port) => port.name === name))
    .map((name) => `"${name}" is unknown`);
  const wrong = ports.flatMap((port) => {
    const tensor = inputs[port.name];
    return tensor ? problemsOf(port, tensor) : [];
  });
  const problems = [...missing, ...unknown, ...wrong];
  if (problems.length === 0) return;
  throw new InferenceError(
    `Cannot run: ${problems.join(", ")} (inputs: ${describeTensors(inputs)}; expected: ${
      ports.map(describe).join(", ")
    })`,
  );
}

function problemsOf(port: Port, { dtype, shape, data }: Given): string[] {
  const fits = shape.length === port.shape.length &&
    port.shape.every((size, axis) => typeof size === "string" || size < 0 || size === shape[axis]);
  const count = elementCount(shape);
  return [
    ...(dtype === port.dtype ? [] : [`"${port.name}" is ${dtype}, expected ${port.dtype}`]),
    ...(fits ? [] : [`"${port.name}" is [${shape}], expected [${port.shape}]`]),
    ...(!data || data.length === count ? [] : [`"${port.name}" has ${data.length} elements, expected ${count}`]),
  ];
}

export function describeTensors(tensors: Readonly<Record<string, Given>>): string {
  return Object.entries(tensors).map(([name, { dtype, shape }]) => describe({ name, dtype, shape })).join(", ");
}

const describe = ({ name, dtype, shape }: Port): string => `"${name}" ${dtype} [${shape}]`;
