/**
 * Golden cases of LoRA files merged into the transformer.
 * @module
 */
import type { LoraFile } from "../lora/adapter_file.ts";
import { LoraSets } from "../lora/lora_sets.ts";
import type { Checkpoint } from "../onnx/safetensors.ts";
import { loadTransformer } from "../transformer.ts";
import type { CaseOutputs } from "./compare.ts";
import type { GoldenCase, GoldenTensor } from "./golden_case.ts";
import type { ComponentRunner } from "./component.ts";
import { distanceBetween } from "./distance.ts";
import { caseExecutables, forward } from "./transformer_cases.ts";

export const loraCases: Readonly<Record<string, ComponentRunner>> = { lora: loraCase };

async function loraCase(golden: GoldenCase): Promise<CaseOutputs> {
  using executables = caseExecutables();
  const base = await loadTransformer(`${golden.modelDir}/transformer`, executables);
  const { sample: before } = await forward(base, golden, "sample");
  const files = (golden.params["loras"] as LoraFile[]).map((lora) => ({
    ...lora,
    file: `${golden.modelDir}/${lora.file}`,
  }));
  await using sets = new LoraSets(base, caseExecutables);
  const merged = await sets.transformerUnder(files, new AbortController().signal);
  const { checkpoint } = merged.source;
  const { sample } = await forward(merged, golden, "sample");
  return {
    tensors: { sample: sample!, sample_fp64: sample!, ...await weights(checkpoint, golden) },
    expect: {
      changed_weights: changedWeights(checkpoint),
      distance_to_base: distanceBetween(sample!.data, before!.data),
    },
  };
}

async function weights(checkpoint: Checkpoint, { outputs }: GoldenCase): Promise<Record<string, GoldenTensor>> {
  const names = Object.keys(outputs).filter((name) => name.startsWith("weight."));
  return Object.fromEntries(
    await Promise.all(names.map(async (output) => {
      const name = output.slice("weight.".length);
      return [output, { shape: checkpoint.get(name).shape, data: await checkpoint.readFloat32(name) }];
    })),
  );
}

/** Merged weights lie in memory, the others still in their file. */
function changedWeights(merged: Checkpoint): number {
  return merged.names().filter((name) => "bytes" in merged.get(name).source).length;
}
