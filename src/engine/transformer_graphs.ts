/**
 * The transformer cut into graphs by how often each part has to run: once per picture, once per prompt, once per step of
 * the schedule, once per section, once per step. Inputs and outputs of each are in its doc line; `C` is `hidden`.
 *
 * What comes from the host is float32 and rounded inside; what goes from graph to graph has the compute dtype and need
 * never leave the device; rotations and the velocity are float32 always.
 * @module
 */
import { conditionEmbedding, imageProjection, tokenRefiner } from "./networks/condition_embedders.ts";
import { firstModulatedInput, outputHead, type Tap, transformerBlocks } from "./networks/framepack_transformer.ts";
import { historyTokens, type Kernel, kernels, windowTokens } from "./networks/history_packing.ts";
import { modulationRows, modulationTable, readModulations } from "./networks/modulation.ts";
import type { TransformerConfig } from "./networks/transformer_config.ts";
import { type Dim, Graph, type Value } from "./onnx/graph.ts";
import { castTo, Module } from "./onnx/module.ts";
import { emulateBfloat16 } from "./onnx/bfloat16_emulation.ts";
import type { GraphSpec } from "./onnx/model_proto.ts";
import { add, concat, sub } from "./onnx/operators.ts";
import type { Checkpoint } from "./onnx/safetensors.ts";
import type { DType } from "./onnx/tensor.ts";
import type { SideMatrices } from "./onnx/weight_inputs.ts";
import { sinusoidChannels } from "./sampling/sinusoid.ts";

/** What every graph of one transformer is built from. */
export interface TransformerSource {
  readonly config: TransformerConfig;
  readonly checkpoint: Checkpoint;
  readonly computeDType: DType;
  /** `emulated`: bfloat16 computed in float32 and rounded, for devices without it. Default `native`. */
  readonly arithmetic?: "native" | "emulated";
  /** Adapters that lie beside the checkpoint's matrices, for graphs whose weights are inputs. */
  readonly sides?: SideMatrices;
  /** Into how many parts of its tokens the MLP of a block is cut, where blocks have graphs of their own. Default 1. */
  readonly mlpChunks?: number;
  /** Embeds timesteps and guidance. Default `sinusoid`. */
  readonly sinusoid?: (value: number) => Float32Array;
}

/** Latents of a window `[latentFrames, height, width]`, height and width in latent pixels, and the history beside it. */
export interface SectionShape {
  readonly window: readonly [latentFrames: number, height: number, width: number];
  /** Latent frames of each history group; a group that is absent is 0. */
  readonly history: { readonly "1x": number; readonly "2x": number; readonly "4x": number };
}

/** Image tokens of a section in packing order. */
export function packedTokens({ window: [frames, height, width], history }: SectionShape) {
  const tokens = (latentFrames: number, [time, rows, columns]: Kernel) =>
    Math.ceil(latentFrames / time) * Math.ceil(height / rows) * Math.ceil(width / columns);
  const historyCount = tokens(history["4x"], kernels["4x"]) + tokens(history["2x"], kernels["2x"]) +
    tokens(history["1x"], kernels["1x"]);
  const windowCount = tokens(frames, kernels.window);
  return { history: historyCount, window: windowCount, image: historyCount + windowCount };
}

/** Once per picture. `image` [imageTokens, imageDim] → `projected` [imageTokens, C] */
export function imageProjectionGraph(source: TransformerSource): GraphSpec {
  const { graph, m } = begin("image_projection", source);
  const image = hostInput(graph, m, "image", ["imageTokens", source.config.imageDim]);
  graph.output("projected", imageProjection(m.at("image_projection"), source.config, image));
  return finish(graph, source);
}

/**
 * Once per prompt and step. `text` [textTokens, textDim], `timestep` [1, 256], `projected` [imageTokens, C] →
 * `context` [imageTokens + textTokens, C]: the picture's tokens, then the refined text
 */
export function tokenRefinerGraph(source: TransformerSource): GraphSpec {
  const { graph, m } = begin("token_refiner", source);
  const text = hostInput(graph, m, "text", ["textTokens", source.config.textDim]);
  const timestep = hostInput(graph, m, "timestep", [1, sinusoidChannels]);
  const projected = graph.input("projected", ["imageTokens", source.config.hidden]);
  const refined = tokenRefiner(m.at("context_embedder"), source.config, text, timestep);
  graph.output("context", concat(m, 0, projected, refined));
  return finish(graph, source);
}

/** Once per prompt and step. `timestep`, `guidance` [1, 256], `pooled` [1, pooledDim] → `modulations` [rows, C] */
export function modulationGraph(source: TransformerSource): GraphSpec {
  const { graph, m } = begin("modulation", source);
  graph.output("modulations", modulationTable(m, source.config, embeddedCondition(graph, m, source)));
  return finish(graph, source);
}

/** The same up to `condition` [1, C]. */
export function conditionGraph(source: TransformerSource): GraphSpec {
  const { graph, m } = begin("condition", source);
  graph.output("condition", embeddedCondition(graph, m, source));
  return finish(graph, source);
}

/** Once per section: rotations are brought to the device. `cos`, `sin` [tokens, headDim/2] → `placedCos`, `placedSin` */
export function rotationsGraph(source: TransformerSource): GraphSpec {
  const { graph } = begin("rotations", source);
  for (const [name, placed] of [["cos", "placedCos"], ["sin", "placedSin"]] as const) {
    graph.output(placed, graph.input(name, [`${name}Tokens`, source.config.headDim / 2], "float32"));
  }
  return finish(graph, source);
}

/** Once per section. `1x`, `2x`, `4x` [16, latentFrames, height, width] as far as they exist → `history` [historyTokens, C] */
export function historyGraph(source: TransformerSource, shape: SectionShape): GraphSpec {
  const { graph, m } = begin("history", source);
  const [, height, width] = shape.window;
  const group = (name: keyof SectionShape["history"]) =>
    shape.history[name] > 0 ? graph.input(name, [16, shape.history[name], height, width], "float32") : undefined;
  const tokens = historyTokens(m, source.config, { "1x": group("1x"), "2x": group("2x"), "4x": group("4x") });
  if (!tokens) throw new RangeError("Cannot build a history graph: the section has no history");
  graph.output("history", tokens);
  return finish(graph, source);
}

/** Once per step. `latents` [16, …window], `history` [historyTokens, C] where there is one → `image` [imageTokens, C] */
export function windowGraph(source: TransformerSource, shape: SectionShape): GraphSpec {
  const { graph, m } = begin("window", source);
  const window = windowTokens(m, source.config, graph.input("latents", [16, ...shape.window], "float32"));
  const { history } = packedTokens(shape);
  const earlier = history > 0 ? [graph.input("history", [history, source.config.hidden])] : [];
  graph.output("image", concat(m, 0, ...earlier, window));
  return finish(graph, source);
}

/** Once per step, with TeaCache. `image` [imageTokens, C], `modulations` → `modulated` [imageTokens, C] */
export function modulatedInputGraph(source: TransformerSource, shape: SectionShape): GraphSpec {
  const { graph, m } = begin("modulated_input", source);
  const image = graph.input("image", [packedTokens(shape).image, source.config.hidden]);
  graph.output("modulated", firstModulatedInput(m, image, modulationsInput(graph, m, source.config)));
  return finish(graph, source);
}

/** Once per step, with TeaCache. `now`, `before` [tokens, C] → `difference` mean |now − before|, `size` mean |before|: float32 */
export function changeGraph(source: TransformerSource): GraphSpec {
  const { graph, m } = begin("change", source);
  const [now, before] = ["now", "before"].map((name) =>
    castTo(m, graph.input(name, ["tokens", source.config.hidden]), "float32")
  ) as [Value, Value];
  const meanSize = (x: Value) => m.op("ReduceMean", [m.op("Abs", [x], x.shape), m.integers(0, 1)], [], { keepdims: 0 });
  graph.output("difference", meanSize(sub(m, now, before)));
  graph.output("size", meanSize(before));
  return finish(graph, source);
}

/** Sees the streams after each block and may make them outputs. */
export type GraphTap = (graph: Graph, ...tapped: Parameters<Tap>) => void;

/**
 * Once per step that is not skipped. `image` [imageTokens, C], `context` [contextTokens, C], `modulations`,
 * `cos`, `sin` [tokens, headDim/2] → `velocity` [16, …window], `residual` [imageTokens, C] (what the blocks added)
 */
export function blocksGraph(
  source: TransformerSource,
  shape: SectionShape,
  tapGraph: GraphTap = () => {},
): GraphSpec {
  const { config } = source;
  const { graph, m } = begin("blocks", source);
  const { image: imageTokens } = packedTokens(shape);
  const image = graph.input("image", [imageTokens, config.hidden]);
  const context = graph.input("context", ["contextTokens", config.hidden]);
  const joint: Dim = `contextTokens+${imageTokens}`;
  const rope = {
    cos: graph.input("cos", [joint, config.headDim / 2], "float32"),
    sin: graph.input("sin", [joint, config.headDim / 2], "float32"),
  };
  const modulations = modulationsInput(graph, m, config);
  const tap: Tap = (...tapped) => tapGraph(graph, ...tapped);
  const streams = transformerBlocks(m, config, { image, context }, modulations, rope, tap);
  graph.output("velocity", outputHead(m, streams.image, modulations, shape.window, tap));
  graph.output("residual", sub(m, streams.image, image));
  return finish(graph, source);
}

/** Once per skipped step. `image`, `residual` [imageTokens, C], `modulations` → `velocity` [16, …window] */
export function skippedStepGraph(source: TransformerSource, shape: SectionShape): GraphSpec {
  const { config } = source;
  const { graph, m } = begin("skipped_step", source);
  const size = [packedTokens(shape).image, config.hidden];
  const image = add(m, graph.input("image", size), graph.input("residual", size));
  graph.output("velocity", outputHead(m, image, modulationsInput(graph, m, config), shape.window));
  return finish(graph, source);
}

const embeddedCondition = (graph: Graph, m: Module, { config }: TransformerSource): Value =>
  conditionEmbedding(m.at("time_text_embed"), config, {
    timestep: hostInput(graph, m, "timestep", [1, sinusoidChannels]),
    guidance: hostInput(graph, m, "guidance", [1, sinusoidChannels]),
    pooled: hostInput(graph, m, "pooled", [1, config.pooledDim]),
  });

function begin(name: string, { checkpoint, computeDType }: TransformerSource) {
  const graph = new Graph(name, computeDType);
  return { graph, m: new Module(graph, checkpoint) };
}

function finish(graph: Graph, { arithmetic }: TransformerSource): GraphSpec {
  return arithmetic === "emulated" ? emulateBfloat16(graph.spec()) : graph.spec();
}

/** A float32 input, as the network takes it. */
const hostInput = (graph: Graph, m: Module, name: string, shape: readonly Dim[]): Value =>
  castTo(m, graph.input(name, shape, "float32"), graph.computeDType);

function modulationsInput(graph: Graph, m: Module, config: TransformerConfig) {
  const table: Value = graph.input("modulations", [modulationRows(config), config.hidden]);
  return readModulations(m, config, table);
}
