/**
 * Tensors on the host and the number formats in them.
 * @module
 */
import { float32OfFloat8 } from "./float8.ts";

/** How one element is stored. Of half precision and 8-bit floating point only the bits are kept, as whole numbers. */
export type DType = keyof TensorArrays;

/** Row-major numbers: the last axis of `shape` is contiguous. */
export interface Tensor<D extends DType = DType> {
  readonly dtype: D;
  readonly shape: readonly number[];
  readonly data: TensorArrays[D];
}

/** The array that holds each dtype. */
export interface TensorArrays {
  readonly float32: Float32Array;
  readonly float16: Uint16Array;
  readonly bfloat16: Uint16Array;
  readonly float8e4m3fn: Uint8Array;
  readonly int32: Int32Array;
  readonly int64: BigInt64Array;
  readonly bool: Uint8Array;
  readonly uint8: Uint8Array;
}

/** `TensorProto.DataType` of onnx.proto, equal to `ONNXTensorElementDataType` of onnxruntime_c_api.h. */
export const onnxElementType: { readonly [D in DType]: number } = {
  float32: 1,
  uint8: 2,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  bfloat16: 16,
  float8e4m3fn: 17,
};

export const elementBytes: { readonly [D in DType]: number } = {
  float32: 4,
  uint8: 1,
  int32: 4,
  int64: 8,
  bool: 1,
  float16: 2,
  bfloat16: 2,
  float8e4m3fn: 1,
};

const arrayTypes: {
  readonly [D in DType]: new (buffer: ArrayBufferLike, byteOffset?: number, length?: number) => TensorArrays[D];
} = {
  float32: Float32Array,
  uint8: Uint8Array,
  int32: Int32Array,
  int64: BigInt64Array,
  bool: Uint8Array,
  float16: Uint16Array,
  bfloat16: Uint16Array,
  float8e4m3fn: Uint8Array,
};

/** The dtype of an ONNX element type, or undefined for one that is not used here. */
export function dtypeOfOnnxElementType(code: number): DType | undefined {
  return (Object.keys(onnxElementType) as DType[]).find((dtype) => onnxElementType[dtype] === code);
}

/** Number of elements of a shape; 1 for a scalar. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** The float32 tensor of these numbers; `shape` must hold exactly as many. */
export function float32Tensor(shape: readonly number[], data: Float32Array): Tensor<"float32"> {
  if (elementCount(shape) !== data.length) {
    throw new RangeError(`Cannot make a float32 tensor [${shape}] of ${data.length} numbers`);
  }
  return { dtype: "float32", shape, data };
}

/** Views the bytes (copied first when they are not aligned) as the array of a dtype. */
export function arrayOfBytes<D extends DType>(dtype: D, bytes: Uint8Array): TensorArrays[D] {
  const aligned = bytes.byteOffset % elementBytes[dtype] === 0 ? bytes : bytes.slice();
  return new arrayTypes[dtype](aligned.buffer, aligned.byteOffset, aligned.byteLength / elementBytes[dtype]);
}

/** Any floating-point tensor's numbers as float32; a float32 tensor's own array is returned as it is. */
export function float32Of(tensor: Tensor): Float32Array {
  switch (tensor.dtype) {
    case "float32":
      return tensor.data as Float32Array;
    case "float16":
      return float32OfFloat16(tensor.data as Uint16Array);
    case "bfloat16":
      return float32OfBfloat16(tensor.data as Uint16Array);
    case "float8e4m3fn":
      return float32OfFloat8(tensor.data as Uint8Array);
    default:
      throw new TypeError(`Cannot read a ${tensor.dtype} tensor as float32`);
  }
}

/** IEEE 754 binary16 bits → float32, exact. */
export function float32OfFloat16(bits: Uint16Array): Float32Array {
  const own = bits.byteOffset % 2 === 0 ? bits : bits.slice();
  return new Float32Array(new Float16Array(own.buffer as ArrayBuffer, own.byteOffset, own.length));
}

/** float32 → IEEE 754 binary16 bits, to nearest, ties to even; beyond ±65504 infinite. */
export function float16OfFloat32(numbers: Float32Array): Uint16Array {
  return new Uint16Array(new Float16Array(numbers).buffer);
}

/** bfloat16 bits → float32, exact: a bfloat16 is the upper half of a float32. */
export function float32OfBfloat16(bits: Uint16Array): Float32Array {
  const words = new Uint32Array(bits.length);
  for (let i = 0; i < bits.length; i++) words[i] = bits[i]! << 16;
  return new Float32Array(words.buffer);
}

/** float32 → bfloat16 bits, to nearest, ties to even; a NaN stays one. */
export function bfloat16OfFloat32(numbers: Float32Array): Uint16Array {
  const words = new Uint32Array(numbers.slice().buffer);
  const bits = new Uint16Array(numbers.length);
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    const isNaN = (word & 0x7fffffff) > 0x7f800000;
    // Half of the last kept place, less one when that place is even, so that ties go to even.
    bits[i] = isNaN ? (word >>> 16) | 0x0040 : (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
  }
  return bits;
}

/** The bytes of float32 numbers as they are stored in half precision; in any other dtype those of float32. */
export function storedAs(dtype: DType, numbers: Float32Array): Uint8Array {
  const array = dtype === "bfloat16"
    ? bfloat16OfFloat32(numbers)
    : dtype === "float16"
    ? float16OfFloat32(numbers)
    : numbers;
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

/** Each number rounded to the nearest bfloat16 (ties to even), still as float32. */
export function roundToBfloat16(numbers: Float32Array): Float32Array {
  return float32OfBfloat16(bfloat16OfFloat32(numbers));
}
