/**
 * The transformer cut once more, block by block: one graph serves all blocks of a kind, and their weights are inputs. For
 * devices whose memory does not hold all blocks at once. `C` is `hidden`; `modulations` are the block's rows of the table.
 * @module
 */
import { dualStreamBlock, outputHead, separate, singleStreamBlock } from "./networks/framepack_transformer.ts";
import { modulationParts, modulationRows, modulationTable, readModulations } from "./networks/modulation.ts";
import { emulateBfloat16 } from "./onnx/bfloat16_emulation.ts";
import { type Dim, Graph, type Value } from "./onnx/graph.ts";
import { Module } from "./onnx/module.ts";
import type { GraphSpec } from "./onnx/model_proto.ts";
import { concat, sub } from "./onnx/operators.ts";
import { type FedGraph, WeightInputGraph } from "./onnx/weight_inputs.ts";
import { packedTokens, type SectionShape, type TransformerSource } from "./transformer_graphs.ts";

/** Checkpoint path of the block that a kind's graph is built from. */
const firstDual = "transformer_blocks.0";
const firstSingle = "single_transformer_blocks.0";
const head = "norm_out";

/** `image` [imageTokens, C], `context` [contextTokens, C], `modulations`, `cos`, `sin` → `nextImage`, `nextContext` */
export function dualBlockGraph(source: TransformerSource, shape: SectionShape): FedGraph {
  const { config, mlpChunks } = source;
  const { graph, m } = begin("dual_block", source, firstDual);
  const streams = {
    image: graph.input("image", [packedTokens(shape).image, config.hidden]),
    context: graph.input("context", ["contextTokens", config.hidden]),
  };
  const { modulations, rope } = blockInputs(graph, m, source, shape, firstDual);
  const { image, context } = dualStreamBlock(m.at(firstDual), config, streams, modulations, rope, mlpChunks);
  graph.output("nextImage", image);
  graph.output("nextContext", context);
  return fed(graph, source);
}

/** `joint` [tokens, C], `modulations`, `cos`, `sin` → `nextJoint` */
export function singleBlockGraph(source: TransformerSource, shape: SectionShape): FedGraph {
  const { config, mlpChunks } = source;
  const { graph, m } = begin("single_block", source, firstSingle);
  const joint = graph.input("joint", [jointTokens(shape), config.hidden]);
  const { modulations, rope } = blockInputs(graph, m, source, shape, firstSingle);
  graph.output("nextJoint", singleStreamBlock(m.at(firstSingle), config, joint, modulations, rope, mlpChunks));
  return fed(graph, source);
}

/** Between the dual and the single blocks. `image` [imageTokens, C], `context` [contextTokens, C] → `joint` */
export function jointGraph(source: TransformerSource, shape: SectionShape): GraphSpec {
  const graph = new Graph("joint", source.computeDType);
  const m = new Module(graph, source.checkpoint);
  const image = graph.input("image", [packedTokens(shape).image, source.config.hidden]);
  graph.output("joint", concat(m, 0, image, graph.input("context", ["contextTokens", source.config.hidden])));
  return finish(graph, source);
}

/**
 * After the blocks. `joint` [tokens, C], `image` [imageTokens, C] as it was before them, `modulations`: the whole table →
 * `velocity` [16, …window], `residual` [imageTokens, C]
 */
export function blocksEndGraph(source: TransformerSource, shape: SectionShape): GraphSpec {
  const { config } = source;
  const graph = new Graph("blocks_end", source.computeDType);
  const m = new Module(graph, source.checkpoint);
  const joint = graph.input("joint", [jointTokens(shape), config.hidden]);
  const before = graph.input("image", [packedTokens(shape).image, config.hidden]);
  const table = graph.input("modulations", [modulationRows(config), config.hidden]);
  const { image } = separate(m, joint, packedTokens(shape).image);
  graph.output("velocity", outputHead(m, image, readModulations(m, config, table), shape.window));
  graph.output("residual", sub(m, image, before));
  return finish(graph, source);
}

/** Kinds of modulation layers, by the first block that has each. */
export type ModulatedKind = "dual" | "single" | "head";

/** Once per prompt, step and block. `condition` [1, C] → `modulations`: the block's rows of the table */
export function blockModulationGraph(source: TransformerSource, kind: ModulatedKind): FedGraph {
  const block = { dual: firstDual, single: firstSingle, head }[kind];
  const { graph, m } = begin(`${kind}_modulation`, source, block);
  const condition = graph.input("condition", [1, source.config.hidden]);
  graph.output("modulations", modulationTable(m, source.config, condition, block));
  return fed(graph, source);
}

function begin(name: string, { config, checkpoint, computeDType, sides }: TransformerSource, first: string) {
  const kindOf = (block: string) => block.replace(/\.\d+$/, "");
  const blocks = modulationParts(config).map(({ block }) => block).filter((block) => kindOf(block) === kindOf(first));
  const graph = new WeightInputGraph(name, computeDType, { blocks, checkpoint, sides });
  return { graph, m: new Module(graph, checkpoint) };
}

const fed = (graph: WeightInputGraph, source: TransformerSource): FedGraph => ({
  spec: finish(graph, source),
  weights: graph.weightInputs,
  sides: graph.sideInputs,
});

const finish = (graph: Graph, { arithmetic }: TransformerSource): GraphSpec =>
  arithmetic === "emulated" ? emulateBfloat16(graph.spec()) : graph.spec();

const jointTokens = (shape: SectionShape): Dim => `contextTokens+${packedTokens(shape).image}`;

function blockInputs(
  graph: Graph,
  m: Module,
  { config }: TransformerSource,
  shape: SectionShape,
  block: string,
) {
  const table: Value = graph.input("modulations", [modulationRows(config, block), config.hidden]);
  return {
    modulations: readModulations(m, config, table, block),
    rope: {
      cos: graph.input("cos", [jointTokens(shape), config.headDim / 2], "float32"),
      sin: graph.input("sin", [jointTokens(shape), config.headDim / 2], "float32"),
    },
  };
}
