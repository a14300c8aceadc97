/**
 * The tiny model's transformer as a repack in 8 or 4 bits: the same tensor names, matrices in fewer bits, the rest as it was.
 */
import { join } from "node:path";
import { float8Max, float8OfFloat32 } from "../src/engine/onnx/float8.ts";
import { blockScalesName, fitsInt4, float32OfInt4, int4OfFloat32, int4ScalesShape } from "../src/engine/onnx/int4.ts";
import { type Checkpoint, writeSafetensors } from "../src/engine/onnx/safetensors.ts";
import { float32Of, float32Tensor, type Tensor } from "../src/engine/onnx/tensor.ts";
import { isBlockMatrix } from "../src/engine/pack_transformer.ts";

/**
 * How a matrix's numbers become those of fewer bits: in 8 bits as they are, or scaled so that the largest is the format's
 * largest; in 4 bits the blocks' matrices alone, since nothing else may be.
 */
export const weightPackings = ["8-bit as they are", "8-bit scaled", "4-bit"] as const;
export type WeightPacking = (typeof weightPackings)[number];

/** Writes a transformer folder of packed matrices and one of the same numbers in float32, like one that there is. */
export async function writePackedTransformer(
  checkpoint: Checkpoint,
  like: string,
  folders: { readonly packed: string; readonly rounded: string },
  packing: WeightPacking,
): Promise<void> {
  const [packed, rounded]: Record<string, Tensor>[] = [{}, {}];
  for (const name of checkpoint.names()) {
    const tensor = float32Tensor(checkpoint.get(name).shape, await checkpoint.readFloat32(name));
    const { stored, numbers } = packedTensor(name, tensor, packing) ?? { stored: { [name]: tensor }, numbers: tensor };
    Object.assign(packed!, stored);
    rounded![name] = numbers;
  }
  for (const [folder, tensors] of [[folders.packed, packed!], [folders.rounded, rounded!]] as const) {
    await Deno.mkdir(folder, { recursive: true });
    await Deno.copyFile(join(like, "config.json"), join(folder, "config.json"));
    await writeSafetensors(join(folder, "diffusion_pytorch_model.safetensors"), tensors);
  }
}

interface Packed {
  readonly stored: Record<string, Tensor>;
  readonly numbers: Tensor;
}

function packedTensor(name: string, { shape, data }: Tensor<"float32">, packing: WeightPacking): Packed | undefined {
  if (packing === "4-bit") {
    if (!isBlockMatrix(name) || !fitsInt4(shape)) return undefined;
    const { numbers, scales } = int4OfFloat32(data)!;
    return {
      stored: {
        [name]: { dtype: "uint8", shape: [shape[0]!, shape[1]! / 2], data: numbers },
        [blockScalesName(name)]: { dtype: "bfloat16", shape: int4ScalesShape(shape), data: scales },
      },
      numbers: float32Tensor(shape, float32OfInt4(numbers, scales)),
    };
  }
  if (shape.length < 2) return undefined;
  const scale = packing === "8-bit scaled" ? Math.fround(largest(data) / float8Max) : 1;
  const tensor: Tensor = { dtype: "float8e4m3fn", shape, data: float8OfFloat32(data.map((value) => value / scale)) };
  const scales = { [name.replace(/weight$/, "scale_weight")]: float32Tensor([], Float32Array.of(scale)) };
  return {
    stored: { [name]: tensor, ...(packing === "8-bit scaled" ? scales : {}) },
    numbers: float32Tensor(shape, float32Of(tensor).map((value) => value * scale)),
  };
}

/** Names of the matrices that are in fewer bits than 16. */
export const packedNames = (checkpoint: Checkpoint): string[] =>
  checkpoint.names().filter((name) => ["float8e4m3fn", "int4"].includes(checkpoint.get(name).dtype));

const largest = (numbers: Float32Array) => numbers.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
