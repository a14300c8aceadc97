/**
 * LLaMA as graphs: whole, or cut into layers whose weights are inputs.
 * @module
 */
import type { LlamaConfig } from "./networks/encoder_config.ts";
import { llamaLayer, llamaLayersUsed, llamaStates } from "./networks/llama.ts";
import { Graph } from "./onnx/graph.ts";
import { castTo, Module } from "./onnx/module.ts";
import type { GraphSpec } from "./onnx/model_proto.ts";
import type { Checkpoint } from "./onnx/safetensors.ts";
import type { DType } from "./onnx/tensor.ts";
import { type FedGraph, WeightInputGraph } from "./onnx/weight_inputs.ts";

/** What graphs are built from. */
export interface LlamaSource {
  readonly config: LlamaConfig;
  readonly checkpoint: Checkpoint;
  readonly computeDType: DType;
}

/** `ids` [tokens] int64, `cos`, `sin` [tokens, headDim/2] → `states` [tokens, hidden] */
export function llamaGraph({ config, checkpoint, computeDType }: LlamaSource): GraphSpec {
  const graph = new Graph("text_encoder", computeDType);
  const m = new Module(graph, checkpoint);
  const ids = graph.input("ids", ["tokens"], "int64");
  graph.output("states", castTo(m, llamaStates(m, config, ids, rotations(graph, config)), "float32"));
  return graph.spec();
}

/** Checkpoint paths of the layers that are computed, in order. */
export const llamaLayerPaths = (config: LlamaConfig): string[] =>
  Array.from({ length: llamaLayersUsed(config) }, (_, index) => `layers.${index}`);

/** Any layer. `states` [tokens, hidden], `cos`, `sin` [tokens, headDim/2] → `next` */
export function llamaLayerGraph({ config, checkpoint, computeDType }: LlamaSource): FedGraph {
  const blocks = llamaLayerPaths(config);
  const graph = new WeightInputGraph("text_encoder_layer", computeDType, { blocks, checkpoint });
  const m = new Module(graph, checkpoint);
  const states = graph.input("states", ["tokens", config.hidden]);
  graph.output("next", llamaLayer(m.at(blocks[0]!), config, states, rotations(graph, config)));
  return { spec: graph.spec(), weights: graph.weightInputs };
}

/** Before the layers (`enter`) and after them (`leave`): float32 ↔ the compute dtype. `states` [tokens, hidden] → `cast` */
export function llamaEdgeGraph({ config, checkpoint, computeDType }: LlamaSource, edge: "enter" | "leave"): GraphSpec {
  const graph = new Graph(`text_encoder_${edge}`, computeDType);
  const m = new Module(graph, checkpoint);
  const [from, to] = edge === "enter" ? ["float32", computeDType] as const : [computeDType, "float32"] as const;
  graph.output("cast", castTo(m, graph.input("states", ["tokens", config.hidden], from), to));
  return graph.spec();
}

function rotations(graph: Graph, { headDim }: LlamaConfig) {
  return {
    cos: graph.input("cos", ["tokens", headDim / 2], "float32"),
    sin: graph.input("sin", ["tokens", headDim / 2], "float32"),
  };
}
