/**
 * Tensors that stay where they were computed, so that what goes from graph to graph is not copied through the host.
 * @module
 */
import { InferenceError } from "../errors.ts";
import { addressBehind, addressOf, copiedBytes, type Handle, handleFrom, numberFrom, type OrtApi } from "./ort_api.ts";
import {
  arrayOfBytes,
  type DType,
  dtypeOfOnnxElementType,
  elementBytes,
  elementCount,
  onnxElementType,
  type Tensor,
} from "./tensor.ts";

/** Memory of a device that graphs can read and write. */
export interface MemoryPlace {
  /** `host`: the program can read it too. */
  readonly kind: "host" | "cuda";
  /** OrtMemoryInfo; belongs to who made it. */
  readonly info: Handle;
}

/** A value of ONNX Runtime. Immutable by contract, except as the destination of a run. */
export class DeviceTensor implements Disposable {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly #memory: TensorMemory;
  #value: Handle | undefined;

  /** Takes over `value`, and its memory where that is not the value's own. */
  constructor(readonly api: OrtApi, readonly place: MemoryPlace, value: Handle, memory: TensorMemory = {}) {
    const { dtype, shape } = typeAndShapeOf(api, value);
    this.dtype = dtype;
    this.shape = shape;
    this.#value = value;
    this.#memory = memory;
    abandoned.register(this, () => release(api, value, memory), this);
  }

  /** @throws InferenceError when it was disposed */
  get value(): Handle {
    if (!this.#value) throw new InferenceError(`Cannot use a ${this.dtype} tensor [${this.shape}]: it was released`);
    return this.#value;
  }

  /** Rows `[start, end)` of the first axis, in the same memory. Keeps this tensor's memory, but not from being released. */
  rows(start: number, end: number): DeviceTensor {
    const [rows = 0, ...rest] = this.shape;
    if (start < 0 || end > rows || start >= end) {
      throw new RangeError(`Cannot take rows ${start} to ${end} of a tensor [${this.shape}]`);
    }
    const rowBytes = elementCount(rest) * elementBytes[this.dtype];
    const first = addressBehind(this.#address(), start * rowBytes);
    const place = { address: first, lengthBytes: (end - start) * rowBytes };
    const value = valueOver(this.api, this.place, place, { dtype: this.dtype, shape: [end - start, ...rest] });
    return new DeviceTensor(this.api, this.place, value, { borrowed: this });
  }

  /** A copy in the program's memory. @throws InferenceError for a tensor in a GPU's memory: bind it to `host` instead */
  toHost(): Tensor {
    if (this.place.kind !== "host") {
      throw new InferenceError(`Cannot read a ${this.dtype} tensor [${this.shape}]: it lies in the GPU's memory`);
    }
    return copiedTensor(this.api, this.value);
  }

  #address(): Handle {
    return handleFrom((out) => this.api.getTensorMutableData(this.value, out));
  }

  /** Gives its memory back, once no run uses it any more. */
  [Symbol.dispose](): void {
    if (!this.#value) return;
    abandoned.unregister(this);
    release(this.api, this.#value, this.#memory);
    this.#value = undefined;
  }
}

/** Memory that a value only points into: `owned` goes with the tensor, `borrowed` is kept at least as long as it. */
interface TensorMemory {
  readonly owned?: Disposable;
  readonly borrowed?: unknown;
}

function release(api: OrtApi, value: Handle, { owned }: TensorMemory): void {
  api.releaseValue(value);
  owned?.[Symbol.dispose]();
}

/** Tensors are released by hand; one that an error left behind goes with the garbage. */
const abandoned = new FinalizationRegistry<() => void>((release) => release());

/** An `OrtValue` over memory that somebody else owns. */
export function valueOver(
  api: OrtApi,
  place: Pick<MemoryPlace, "info">,
  memory: { readonly address: Handle; readonly lengthBytes: number },
  { dtype, shape }: { readonly dtype: DType; readonly shape: readonly number[] },
): Handle {
  const sizes = BigInt64Array.from(shape, BigInt);
  return handleFrom((out) =>
    api.createTensorWithDataAsOrtValue(
      place.info,
      memory.address,
      BigInt(memory.lengthBytes),
      sizes,
      BigInt(sizes.length),
      onnxElementType[dtype],
      out,
    )
  );
}

/** An `OrtValue` over the tensor's own array, which has to stay referenced and unchanged. */
export function valueOfTensor(api: OrtApi, host: Pick<MemoryPlace, "info">, tensor: Tensor): Handle {
  const data = tensor.data.byteLength > 0 ? tensor.data : nothing; // C wants an address even for no element
  return valueOver(api, host, { address: addressOf(data), lengthBytes: tensor.data.byteLength }, tensor);
}

const nothing = new Uint8Array(1);

/** The numbers of a value in main memory. */
export function copiedTensor(api: OrtApi, value: Handle): Tensor {
  const { dtype, shape } = typeAndShapeOf(api, value);
  const data = handleFrom((out) => api.getTensorMutableData(value, out));
  const bytes = copiedBytes(data, elementCount(shape) * elementBytes[dtype]);
  return { dtype, shape, data: arrayOfBytes(dtype, bytes) };
}

function typeAndShapeOf(api: OrtApi, value: Handle): { dtype: DType; shape: number[] } {
  const info = handleFrom((out) => api.getTensorTypeAndShape(value, out));
  try {
    return readTypeAndShape(api, info, "an output");
  } finally {
    api.releaseTensorTypeAndShapeInfo(info);
  }
}

/** Of an `OrtTensorTypeAndShapeInfo`; an unknown size is negative. */
export function readTypeAndShape(api: OrtApi, tensorInfo: Handle, name: string): { dtype: DType; shape: number[] } {
  const code = numberFrom((out) => api.getTensorElementType(tensorInfo, out));
  const dtype = dtypeOfOnnxElementType(code);
  if (!dtype) throw new InferenceError(`Cannot use "${name}": its ONNX element type is ${code}`);
  const rank = numberFrom((out) => api.getDimensionsCount(tensorInfo, out));
  const sizes = new BigInt64Array(rank);
  api.getDimensions(tensorInfo, sizes, BigInt(rank));
  return { dtype, shape: Array.from(sizes, Number) };
}
