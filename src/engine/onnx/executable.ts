/**
 * A compiled graph: checks what goes in, runs on threads of its own, copies what comes out.
 * @module
 */
import { InferenceError } from "../errors.ts";
import {
  copiedBytes,
  cpuAllocator,
  cpuMemory,
  cString,
  type Handle,
  handleAt,
  handleFrom,
  numberFrom,
  type OrtApi,
  pointerArray,
  textOf,
} from "./ort_api.ts";
import {
  arrayOfBytes,
  type DType,
  dtypeOfOnnxElementType,
  elementBytes,
  elementCount,
  onnxElementType,
  type Tensor,
} from "./tensor.ts";

/** An input or output of a graph. */
export interface Port {
  readonly name: string;
  readonly dtype: DType;
  /** Sizes; a name, or -1 for one without a name, where the size is known only at run time. */
  readonly shape: readonly (number | string)[];
}

export interface Executable extends Disposable {
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  /**
   * Computes every output; several runs may be under way at once. The inputs' arrays must not change until the promise
   * settles. A stop takes effect before the next operator.
   * @throws InferenceError with names, dtypes and shapes of all inputs; the signal's reason when stopped
   */
  run(inputs: Readonly<Record<string, Tensor>>, signal?: AbortSignal): Promise<Record<string, Tensor>>;
}

/** Native objects of one run, and what they point into. */
interface RunUnderWay {
  readonly options: Handle;
  readonly values: Handle[];
  readonly keptAlive: unknown[];
}

export class OrtExecutable implements Executable {
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  readonly #api: OrtApi;
  readonly #env: Handle;
  readonly #session: Handle;
  readonly #cpuMemory: Handle;
  readonly #inputNames: Uint8Array<ArrayBuffer>[];
  readonly #outputNames: Uint8Array<ArrayBuffer>[];
  readonly #runsUnderWay = new Set<RunUnderWay>();
  #state: "ready" | "disposed" | "released" = "ready";

  /** Takes over a share of the environment and the session, also when it throws. */
  constructor(api: OrtApi, env: Handle, session: Handle) {
    this.#api = api;
    this.#env = env;
    this.#session = session;
    this.#cpuMemory = handleFrom((out) => api.createCpuMemoryInfo(cpuAllocator.arena, cpuMemory.default, out));
    try {
      this.inputs = readPorts(api, session, "Input");
      this.outputs = readPorts(api, session, "Output");
    } catch (cause) {
      this.#release();
      throw cause;
    }
    this.#inputNames = this.inputs.map((port) => cString(port.name));
    this.#outputNames = this.outputs.map((port) => cString(port.name));
  }

  async run(inputs: Readonly<Record<string, Tensor>>, signal?: AbortSignal): Promise<Record<string, Tensor>> {
    signal?.throwIfAborted();
    if (this.#state !== "ready") throw new InferenceError("Cannot run: the executable is disposed");
    checkInputs(this.inputs, inputs);
    const api = this.#api;
    const run: RunUnderWay = { options: handleFrom((out) => api.createRunOptions(out)), values: [], keptAlive: [] };
    const terminate = () => api.runOptionsSetTerminate(run.options);
    this.#runsUnderWay.add(run);
    signal?.addEventListener("abort", terminate);
    try {
      const outputs = await this.#compute(run, inputs);
      signal?.throwIfAborted();
      return Object.fromEntries(this.outputs.map(({ name }, i) => [name, readTensor(api, outputs[i]!)]));
    } catch (cause) {
      signal?.throwIfAborted();
      const reason = this.#state === "ready" ? (cause as Error).message : "the executable was disposed";
      throw new InferenceError(`${reason} (inputs: ${describeTensors(inputs)})`, { cause });
    } finally {
      signal?.removeEventListener("abort", terminate);
      for (const value of run.values) api.releaseValue(value);
      api.releaseRunOptions(run.options);
      this.#runsUnderWay.delete(run);
      this.#releaseWhenIdle();
    }
  }

  async #compute(run: RunUnderWay, inputs: Readonly<Record<string, Tensor>>): Promise<Handle[]> {
    for (const { name } of this.inputs) run.values.push(this.#wrap(run, inputs[name]!));
    const inputNames = pointerArray(this.#inputNames);
    const inputValues = pointerArray(run.values);
    const outputNames = pointerArray(this.#outputNames);
    const out = new BigUint64Array(this.outputs.length);
    run.keptAlive.push(inputNames, inputValues, outputNames, out);
    await this.#api.run(
      this.#session,
      run.options,
      inputNames,
      inputValues,
      BigInt(this.inputs.length),
      outputNames,
      BigInt(this.outputs.length),
      out,
    );
    const outputs = this.outputs.map((_, i) => handleAt(out, i));
    run.values.push(...outputs);
    return outputs;
  }

  /** An `OrtValue` over the tensor's own memory. */
  #wrap(run: RunUnderWay, tensor: Tensor): Handle {
    const shape = BigInt64Array.from(tensor.shape, BigInt);
    const data = tensor.data.byteLength > 0 ? tensor.data : new Uint8Array(1); // C wants an address even for no element
    run.keptAlive.push(shape, data);
    return handleFrom((out) =>
      this.#api.createTensorWithDataAsOrtValue(
        this.#cpuMemory,
        data,
        BigInt(tensor.data.byteLength),
        shape,
        BigInt(shape.length),
        onnxElementType[tensor.dtype],
        out,
      )
    );
  }

  /** Ends the runs under way with an `InferenceError`; the memory goes when the last of them has returned. */
  [Symbol.dispose](): void {
    if (this.#state !== "ready") return;
    this.#state = "disposed";
    for (const run of this.#runsUnderWay) this.#api.runOptionsSetTerminate(run.options);
    this.#releaseWhenIdle();
  }

  #releaseWhenIdle(): void {
    if (this.#state === "disposed" && this.#runsUnderWay.size === 0) this.#release();
  }

  #release(): void {
    this.#state = "released";
    this.#api.releaseSession(this.#session);
    this.#api.releaseMemoryInfo(this.#cpuMemory);
    this.#api.releaseEnv(this.#env);
  }
}

function readPorts(api: OrtApi, session: Handle, side: "Input" | "Output"): Port[] {
  const allocator = handleFrom((out) => api.getAllocatorWithDefaultOptions(out));
  const count = numberFrom((out) => api[`sessionGet${side}Count`](session, out));
  return Array.from({ length: count }, (_, i) => {
    const nameInC = handleFrom((out) => api[`sessionGet${side}Name`](session, BigInt(i), allocator, out));
    const name = textOf(nameInC);
    api.allocatorFree(allocator, nameInC);
    const typeInfo = handleFrom((out) => api[`sessionGet${side}TypeInfo`](session, BigInt(i), out));
    try {
      const tensorInfo = handleFrom((out) => api.castTypeInfoToTensorInfo(typeInfo, out));
      const { dtype, sizes } = readTypeAndShape(api, tensorInfo, name);
      const symbols = new BigUint64Array(sizes.length);
      api.getSymbolicDimensions(tensorInfo, symbols, BigInt(sizes.length));
      const shape = sizes.map((size, axis) => size >= 0 ? size : textOf(handleAt(symbols, axis)) || -1);
      return { name, dtype, shape };
    } finally {
      api.releaseTypeInfo(typeInfo);
    }
  });
}

function readTypeAndShape(api: OrtApi, tensorInfo: Handle, name: string): { dtype: DType; sizes: number[] } {
  const code = numberFrom((out) => api.getTensorElementType(tensorInfo, out));
  const dtype = dtypeOfOnnxElementType(code);
  if (!dtype) throw new InferenceError(`Cannot use "${name}": its ONNX element type is ${code}`);
  const rank = numberFrom((out) => api.getDimensionsCount(tensorInfo, out));
  const sizes = new BigInt64Array(rank);
  api.getDimensions(tensorInfo, sizes, BigInt(rank));
  return { dtype, sizes: Array.from(sizes, Number) };
}

function readTensor(api: OrtApi, value: Handle): Tensor {
  const info = handleFrom((out) => api.getTensorTypeAndShape(value, out));
  try {
    const { dtype, sizes } = readTypeAndShape(api, info, "an output");
    const data = handleFrom((out) => api.getTensorMutableData(value, out));
    const bytes = copiedBytes(data, elementCount(sizes) * elementBytes[dtype]);
    return { dtype, shape: sizes, data: arrayOfBytes(dtype, bytes) };
  } finally {
    api.releaseTensorTypeAndShapeInfo(info);
  }
}

/** Lists everything that is wrong at once. */
function checkInputs(ports: readonly Port[], inputs: Readonly<Record<string, Tensor>>): void {
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

function problemsOf(port: Port, tensor: Tensor): string[] {
  const fits = tensor.shape.length === port.shape.length &&
    port.shape.every((size, axis) => typeof size === "string" || size < 0 || size === tensor.shape[axis]);
  const count = elementCount(tensor.shape);
  return [
    ...(tensor.dtype === port.dtype ? [] : [`"${port.name}" is ${tensor.dtype}, expected ${port.dtype}`]),
    ...(fits ? [] : [`"${port.name}" is [${tensor.shape}], expected [${port.shape}]`]),
    ...(tensor.data.length === count ? [] : [`"${port.name}" has ${tensor.data.length} elements, expected ${count}`]),
  ];
}

function describeTensors(tensors: Readonly<Record<string, Tensor>>): string {
  return Object.entries(tensors).map(([name, { dtype, shape }]) => describe({ name, dtype, shape })).join(", ");
}

const describe = ({ name, dtype, shape }: Port): string => `"${name}" ${dtype} [${shape}]`;
