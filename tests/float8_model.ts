/**
 * The tiny model's transformer as a repack in 8 bits: the same tensor names, matrices as e4m3fn, the rest as it was.
 */
import { join } from "node:path";
import { float8Max, float8OfFloat32 } from "../src/engine/onnx/float8.ts";
import { type Checkpoint, writeSafetensors } from "../src/engine/onnx/safetensors.ts";
import { float32Of, float32Tensor, type Tensor } from "../src/engine/onnx/tensor.ts";

/** How a matrix's numbers become those of 8 bits: as they are, or scaled so that the largest is the format's largest. */
export const float8Packings = ["as they are", "scaled"] as const;
export type Float8Packing = (typeof float8Packings)[number];

/** Writes a transformer folder of 8-bit matrices and one of the same numbers in float32, like one that there is. */
export async function writeFloat8Transformer(
  checkpoint: Checkpoint,
  like: string,
  folders: { readonly packed: string; readonly rounded: string },
  packing: Float8Packing,
): Promise<void> {
  const [packed, rounded]: Record<string, Tensor>[] = [{}, {}];
  for (const name of checkpoint.names()) {
    const { shape } = checkpoint.get(name);
    const numbers = await checkpoint.readFloat32(name);
    if (shape.length < 2) {
      packed![name] = rounded![name] = float32Tensor(shape, numbers);
      continue;
    }
    const scale = packing === "scaled" ? Math.fround(largest(numbers) / float8Max) : 1;
    const tensor: Tensor = {
      dtype: "float8e4m3fn",
      shape,
      data: float8OfFloat32(numbers.map((value) => value / scale)),
    };
    packed![name] = tensor;
    if (packing === "scaled") {
      packed![name.replace(/weight$/, "scale_weight")] = float32Tensor([], Float32Array.of(scale));
    }
    rounded![name] = float32Tensor(shape, float32Of(tensor).map((value) => value * scale));
  }
  for (const [folder, tensors] of [[folders.packed, packed!], [folders.rounded, rounded!]] as const) {
    await Deno.mkdir(folder, { recursive: true });
    await Deno.copyFile(join(like, "config.json"), join(folder, "config.json"));
    await writeSafetensors(join(folder, "diffusion_pytorch_model.safetensors"), tensors);
  }
}

/** Names of the matrices that are in 8 bits. */
export const float8Names = (checkpoint: Checkpoint): string[] =>
  checkpoint.names().filter((name) => checkpoint.get(name).dtype === "float8e4m3fn");

const largest = (numbers: Float32Array) => numbers.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
