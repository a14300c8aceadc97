/**
 * Golden cases of one forward pass of the transformer.
 * @module
 */
import { ExecutableCache } from "../onnx/executable_cache.ts";
import { openRuntime, type Runtime } from "../onnx/runtime.ts";
import { elementCount, float32Of, float32Tensor, type Tensor } from "../onnx/tensor.ts";
import type { TimeIndices } from "../sampling/mod.ts";
import { jointRotary } from "../conditioned_transformer.ts";
import { type FramePackTransformer, loadTransformer, type SectionContext } from "../transformer.ts";
import { type GraphTap, type SectionShape } from "../transformer_graphs.ts";
import type { CaseOutputs } from "./compare.ts";
import type { GoldenCase, GoldenTensor } from "./golden_case.ts";
import type { ComponentRunner } from "./component.ts";

export const transformerCases: Readonly<Record<string, ComponentRunner>> = { transformer: forwardCase };

let runtime: Runtime | undefined;

/** One for all cases: ONNX Runtime keeps one environment per process. */
export const caseRuntime = (): Runtime => runtime ??= openRuntime();

/** Graphs of one case, released with it. */
export function caseExecutables(): ExecutableCache {
  return new ExecutableCache(caseRuntime(), { device: { kind: "cpu" }, weights: "resident", idleThreads: "sleep" });
}

async function forwardCase(golden: GoldenCase): Promise<CaseOutputs> {
  using executables = caseExecutables();
  const transformer = await loadTransformer(`${golden.modelDir}/transformer`, executables);
  const wantsTaps = Object.keys(golden.outputs).some((name) => name.startsWith("tap."));
  const tensors = await forward(transformer, golden, wantsTaps ? "taps" : "sample");
  return { tensors: { ...tensors, sample_fp64: tensors["sample"]! } };
}

/** `sample` [1, 16, …window] and, where asked for, every tap, of the inputs of a case. */
export async function forward(
  transformer: FramePackTransformer,
  golden: GoldenCase,
  wanted: "sample" | "taps",
): Promise<Record<string, GoldenTensor>> {
  const { inputs } = golden;
  const signal = new AbortController().signal;
  const section = sectionOf(golden);
  const { shape } = section;
  const [timestep, guidance] = [inputs["timestep"]!.data[0]!, inputs["guidance"]!.data[0]!];
  const conditions = {
    text: unbatched(inputs["encoder_hidden_states"]!),
    pooled: unbatched(inputs["pooled_projections"]!),
    image: unbatched(inputs["image_embeddings"]!),
    guidance,
  };
  using conditioned = await transformer.condition(conditions, signal);
  using model = await conditioned.section(section, signal);
  const latents = inputs["hidden_states"]!.data as Float32Array;
  const embedded = await model.embed(latents, timestep, signal);
  const batched = (tensor: Tensor): GoldenTensor => ({ data: float32Of(tensor), shape: [1, ...tensor.shape] });
  if (wanted === "sample") {
    const { velocity } = await model.run(embedded, signal);
    return { sample: { shape: [1, 16, ...shape.window], data: velocity } };
  }
  const { context } = await conditioned.step(timestep, signal);
  const contextTokens = context.shape[0]!;
  const rope = jointRotary(transformer.source, shape, section.indices, contextTokens);
  const rotations = await transformer.rotations(rope, signal);
  const { velocity, residual: _, ...streams } = await transformer.tappedBlocks(
    shape,
    { image: embedded.image, context, modulations: embedded.modulations, ...rotations },
    signal,
    tapStreams,
  );
  const condition = await transformer.conditionEmbedding(conditions, timestep, signal);
  return {
    sample: batched(velocity!),
    "tap.packed_tokens": batched(embedded.image.toHost()),
    "tap.rope": ropeTap(rope, embedded.image.shape[0]!),
    "tap.temb": { shape: condition.shape, data: float32Of(condition) },
    "tap.refiner": batched(lastRows(context.toHost(), conditions.text.shape[0]!)),
    "tap.image_projection": batched(conditioned.projectedImage.toHost()),
    ...Object.fromEntries(Object.entries(streams).map(([name, value]) => [name, batched(value)])),
  };
}

/** What a case gives as history and positions. */
export function sectionOf({ inputs }: Pick<GoldenCase, "inputs">): SectionContext {
  const latents = (name: string) => inputs[name]?.data as Float32Array | undefined;
  const frames = (name: string) => inputs[name]?.shape[2] ?? 0;
  const window = inputs["hidden_states"] ?? inputs["clean_latents"]!;
  const indices = (name: string) => Array.from((inputs[name]?.data ?? []) as Int32Array);
  const [, , , height, width] = window.shape as [number, number, number, number, number];
  const shape: SectionShape = {
    window: [indices("latent_indices").length, height, width],
    history: { "1x": frames("clean_latents"), "2x": frames("clean_latents_2x"), "4x": frames("clean_latents_4x") },
  };
  const groups = {
    "1x": latents("clean_latents"),
    "2x": latents("clean_latents_2x"),
    "4x": latents("clean_latents_4x"),
  };
  const time: TimeIndices = {
    noisy: indices("latent_indices"),
    clean1x: indices("clean_latent_indices"),
    clean2x: indices("clean_latent_2x_indices"),
    clean4x: indices("clean_latent_4x_indices"),
  };
  const history = Object.fromEntries(Object.entries(groups).filter(([, value]) => value !== undefined));
  return { shape, indices: time, history };
}

const tapStreams: GraphTap = (graph, name, values) => {
  for (const [stream, value] of Object.entries(values)) {
    graph.output(name === "norm_out" ? "tap.norm_out" : `tap.${name}.${stream}`, value);
  }
};

const lastRows = (tensor: Tensor, rows: number): Tensor<"float32"> => {
  const width = tensor.shape[1]!;
  return float32Tensor([rows, width], float32Of(tensor).slice(-rows * width));
};

/** The recorded table repeats each value for both channels of its pair: [cos | sin], image tokens only. */
function ropeTap({ cos, sin }: { readonly cos: Tensor; readonly sin: Tensor }, imageTokens: number): GoldenTensor {
  const half = cos.shape[1]!;
  const data = new Float32Array(imageTokens * half * 4);
  for (let token = 0; token < imageTokens; token++) {
    for (let k = 0; k < 2 * half; k++) {
      const from = token * half + (k >> 1);
      data[token * half * 4 + k] = Number(cos.data[from]);
      data[token * half * 4 + 2 * half + k] = Number(sin.data[from]);
    }
  }
  return { shape: [1, imageTokens, half * 4], data };
}

/** [1, tokens, width] → [tokens, width]; a plain vector stays one row. */
export function unbatched({ data, shape }: GoldenTensor): Tensor<"float32"> {
  const width = shape.at(-1)!;
  return { dtype: "float32", shape: [elementCount(shape) / width, width], data: data as Float32Array };
}
