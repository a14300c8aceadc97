/**
 * Where each weight of a block lies in one piece of memory. Pure.
 * @module
 */
import type { WeightContent, WeightInput } from "../onnx/weight_inputs.ts";
import { type DType, elementBytes, elementCount } from "../onnx/tensor.ts";

/** All blocks of a kind have the same. */
export interface WeightLayout {
  readonly sizeBytes: number;
  readonly tensors: readonly PlacedTensor[];
}

/** One input of the block's graph. */
export interface PlacedTensor {
  readonly name: string;
  readonly holds: WeightContent;
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly offsetBytes: number;
  readonly sizeBytes: number;
  /** The weights it is made of, by name below the block's path, without a gap. */
  readonly parts: readonly PlacedWeight[];
}

export interface PlacedWeight {
  readonly name: string;
  readonly offsetBytes: number;
  readonly sizeBytes: number;
}

/** What CUDA's own allocations begin at, and its widest loads need. */
const alignmentBytes = 256;

export function layoutOf(inputs: readonly WeightInput[]): WeightLayout {
  let end = 0;
  const tensors = inputs.map(({ name, holds = "numbers", dtype, shape, parts }): PlacedTensor => {
    const offsetBytes = Math.ceil(end / alignmentBytes) * alignmentBytes;
    end = offsetBytes;
    const placed = parts.map((part): PlacedWeight => {
      const start = end;
      end += elementCount(part.shape) * elementBytes[dtype];
      return { name: part.name, offsetBytes: start, sizeBytes: end - start };
    });
    return { name, holds, dtype, shape, offsetBytes, sizeBytes: end - offsetBytes, parts: placed };
  });
  return { sizeBytes: end, tensors };
}
