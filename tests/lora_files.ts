/**
 * LoRA files for tests and trials, in the formats people share: their numbers follow from the modules' names.
 * @module
 */
import { join } from "node:path";
import { openCheckpoint, writeSafetensors } from "../src/engine/onnx/safetensors.ts";
import { float32Tensor, type Tensor } from "../src/engine/onnx/tensor.ts";
import { uniform } from "./tiny_model.ts";

export interface LoraRecipe {
  readonly format: "kohya" | "peft";
  /** Modules of the transformer, as its checkpoint calls them. */
  readonly modules: readonly string[];
  /** Files of the same seed hold the same matrices, whatever their format. */
  readonly seed?: string;
  readonly rank?: number;
  /** Written as a tensor by kohya, not at all by PEFT. Default: the rank, which is a scale of 1. */
  readonly alpha?: number;
  readonly metadata?: Readonly<Record<string, string>>;
}

/** Modules of the embedded model whose change is seen at once. */
export const seenModules = [
  "transformer_blocks.0.attn.to_q",
  "transformer_blocks.1.ff.net.2",
  "single_transformer_blocks.0.proj_mlp",
  "single_transformer_blocks.3.proj_out",
];

/** A random adapter about as large as the weights it changes. */
export async function writeLora(file: string, modelDir: string, recipe: LoraRecipe): Promise<void> {
  await writeSafetensors(file, await loraTensors(modelDir, recipe), recipe.metadata);
}

/** What `writeLora()` writes. */
export async function loraTensors(modelDir: string, recipe: LoraRecipe): Promise<Record<string, Tensor<"float32">>> {
  const { format, modules, seed = "lora", rank = 4, alpha = rank } = recipe;
  const base = await openCheckpoint(join(modelDir, "transformer"));
  return Object.fromEntries(modules.flatMap((module) => {
    const [out, inner] = base.get(`${module}.weight`).shape as [number, number];
    const down = numbers(`${seed}.down.${module}`, [rank, inner], Math.sqrt(3 / inner));
    const up = numbers(`${seed}.up.${module}`, [out, rank], Math.sqrt(3 / rank));
    if (format === "peft") {
      return [[`transformer.${module}.lora_A.weight`, down], [`transformer.${module}.lora_B.weight`, up]];
    }
    const name = `lora_unet_${module.replaceAll(".", "_")}`;
    return [
      [`${name}.lora_down.weight`, down],
      [`${name}.lora_up.weight`, up],
      [`${name}.alpha`, float32Tensor([], Float32Array.of(alpha))],
    ];
  }));
}

function numbers(name: string, shape: readonly [number, number], scale: number): Tensor<"float32"> {
  const next = uniform(name);
  return float32Tensor(shape, Float32Array.from({ length: shape[0] * shape[1] }, () => next() * scale));
}
