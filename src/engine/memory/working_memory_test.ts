import assert from "node:assert/strict";
import { publishedTransformer } from "../../../bench/published_transformer.ts";
import { checkpointOf, publishedModelTensors } from "../../../bench/published_model.ts";
import { SizedGraph } from "../../../tests/tensor_liveness.ts";
import { outputHead, singleStreamBlock, transformerBlocks } from "../networks/framepack_transformer.ts";
import { modulationRows, readModulations } from "../networks/modulation.ts";
import { parseTransformerConfig } from "../networks/transformer_config.ts";
import { decoder, encoder } from "../networks/vae.ts";
import { parseVaeConfig } from "../networks/vae_config.ts";
import { Module, type Value } from "../onnx/module.ts";
import { sub } from "../onnx/operators.ts";
import type { Weight } from "../onnx/safetensors.ts";
import { type DType, elementBytes, elementCount } from "../onnx/tensor.ts";
import { packedTokens } from "../transformer_graphs.ts";
import { modelSizes } from "./model_sizes.ts";
import { decodingWorkingBytes, encodingWorkingBytes, samplingWorkingBytes } from "./working_memory.ts";

const tensors = publishedModelTensors();
const { transformer, vae } = modelSizes(tensors);
const sectionOf = (widthPx: number, heightPx: number) => ({
  window: [9, heightPx / 8, widthPx / 8] as const,
  history: { "1x": 2, "2x": 2, "4x": 16 },
});
const samplingBytes = (
  widthPx: number,
  heightPx: number,
  contextTokens: number,
  mlpChunks = 1,
  hasSides = false,
) =>
  samplingWorkingBytes(transformer, {
    hasSides,
    section: sectionOf(widthPx, heightPx),
    contextTokens,
    mlpChunks,
    weights: "as multiplied",
  });

/** Not less than what is alive in the graph, and at most a tenth more. */
function assertCovers(formulaBytes: number, alive: { readonly bytes: number; readonly node: string }, what: string) {
  const ratio = formulaBytes / alive.bytes;
  assert.ok(ratio >= 1 && ratio <= 1.12, `${what}: ${ratio} of the tensors alive at ${alive.node}`);
}

Deno.test("samplingWorkingBytes() is what is alive at once in the graph of the published blocks", () => {
  for (const [widthPx, heightPx, contextTokens] of [[640, 608, 793], [320, 576, 985], [256, 256, 730]] as const) {
    const alive = blocksAlive(widthPx, heightPx, contextTokens);
    assertCovers(samplingBytes(widthPx, heightPx, contextTokens), alive, `${widthPx} × ${heightPx}`);
  }
});

/** Everything has an adapter beside it, whose own bytes are not counted. */
class SidedGraph extends SizedGraph {
  sideBytes = 0;

  override side(weights: readonly Weight[]) {
    const [rank, rows] = [64, weights.reduce((sum, { shape }) => sum + shape[0]!, 0)];
    const columns = weights[0]!.shape[1]!;
    this.sideBytes += 2 * rank * (rows + columns);
    const name = weights.map((weight) => weight.name).join("|");
    return { up: this.input(`${name}:up`, [rows, rank]), down: this.input(`${name}:down`, [rank, columns]) };
  }
}

Deno.test("samplingWorkingBytes() covers blocks with adapters beside them", () => {
  for (const [widthPx, heightPx, contextTokens] of [[640, 608, 793], [256, 256, 730]] as const) {
    const graph = new SidedGraph("blocks", "bfloat16");
    const { bytes, node } = blocksAlive(widthPx, heightPx, contextTokens, graph);
    const formulaBytes = samplingBytes(widthPx, heightPx, contextTokens, 1, true);
    assertCovers(formulaBytes, { bytes: bytes - graph.sideBytes, node }, `${widthPx} × ${heightPx}`);
  }
});

Deno.test("decodingWorkingBytes() is what is alive at once in the graph of the published decoder", () => {
  for (const piece of [[5, 32, 32], [5, 76, 80], [4, 32, 8], [3, 32, 32], [2, 24, 32]] as const) {
    const alive = vaeAlive((m, config) =>
      decoder(m, config, m.graph.input("latents", [piece[0], 16, piece[1], piece[2]]))
    );
    assertCovers(decodingWorkingBytes(vae.blockChannels, piece), alive, `${piece}`);
  }
});

Deno.test("encodingWorkingBytes() is what is alive at once in the graph of the published encoder", () => {
  for (const [heightPx, widthPx] of [[256, 256], [608, 640]] as const) {
    const alive = vaeAlive((m, config) => encoder(m, config, m.graph.input("pixels", [1, 3, heightPx, widthPx])));
    assertCovers(encodingWorkingBytes(vae.blockChannels, [heightPx, widthPx]), alive, `${widthPx} × ${heightPx}`);
  }
});

Deno.test("samplingWorkingBytes() needs less with more chunks, and only two thirds of it with two", () => {
  const [whole, halves, thirds] = [1, 2, 3].map((chunks) => samplingBytes(640, 608, 793, chunks)) as [
    number,
    number,
    number,
  ];
  assert.ok(whole > halves && halves > thirds);
  assert.ok(halves < 2 / 3 * whole);
});

Deno.test("samplingWorkingBytes() covers a single-stream block that unpacks its 8-bit matrices", () => {
  for (const [weights, scale] of [["packed", undefined], ["packed with scales", 0.5]] as const) {
    for (const [widthPx, heightPx] of [[640, 608], [256, 256]] as const) {
      const work = { section: sectionOf(widthPx, heightPx), contextTokens: 985, mlpChunks: 1 };
      const formulaBytes = samplingWorkingBytes(transformer, { ...work, weights });
      const alive = packedBlockAlive(widthPx, heightPx, 985, scale);
      assert.ok(formulaBytes >= alive.bytes, `${widthPx} × ${heightPx}, ${weights}: ${alive.bytes} at ${alive.node}`);
      assert.ok(
        formulaBytes < 1.6 * alive.bytes,
        `${widthPx} × ${heightPx}, ${weights}: ${formulaBytes / alive.bytes}`,
      );
    }
  }
});

/** A block whose weights are inputs in 8 bits; the inputs themselves lie in slots and are not counted. */
class PackedGraph extends SizedGraph {
  packedBytes = 0;

  override weight(weight: Weight): Value {
    return this.stackedInput([weight]);
  }

  override scale([weight]: readonly Weight[]): Value | undefined {
    return weight!.scale === undefined
      ? undefined
      : this.input(`${weight!.name}:scales`, [weight!.shape[0]!, 1], "float32");
  }

  override stackedInput(weights: readonly Weight[]): Value {
    const rows = weights.reduce((sum, { shape }) => sum + shape[0]!, 0);
    const shape = [rows, ...weights[0]!.shape.slice(1)];
    const dtype = weights[0]!.dtype as DType;
    this.packedBytes += elementCount(shape) * elementBytes[dtype];
    return this.input(weights.map(({ name }) => name).join("|"), shape, dtype);
  }
}

function packedBlockAlive(widthPx: number, heightPx: number, contextTokens: number, scale: number | undefined) {
  const config = parseTransformerConfig(publishedTransformer);
  const base = checkpointOf(tensors.transformer);
  const checkpoint: typeof base = {
    ...base,
    get(name) {
      const weight = base.get(name);
      const isPacked = weight.shape.length > 1;
      return isPacked ? { ...weight, dtype: "float8e4m3fn", ...(scale === undefined ? {} : { scale }) } : weight;
    },
  };
  const graph = new PackedGraph("block", "bfloat16");
  const m = new Module(graph, checkpoint);
  const tokens = packedTokens(sectionOf(widthPx, heightPx)).image + contextTokens;
  const joint = graph.input("joint", [tokens, config.hidden]);
  const turns = [tokens, config.headDim / 2];
  const rope = { cos: graph.input("cos", turns, "float32"), sin: graph.input("sin", turns, "float32") };
  const block = "single_transformer_blocks.0";
  const table = graph.input("modulations", [modulationRows(config, block), config.hidden]);
  const modulations = readModulations(m, config, table, block);
  graph.output("nextJoint", singleStreamBlock(m.at(block), config, joint, modulations, rope));
  const { bytes, node } = graph.peak();
  return { bytes: bytes - graph.packedBytes, node };
}

function blocksAlive(
  widthPx: number,
  heightPx: number,
  contextTokens: number,
  graph = new SizedGraph("blocks", "bfloat16"),
) {
  const config = parseTransformerConfig(publishedTransformer);
  const section = sectionOf(widthPx, heightPx);
  const { image: imageTokens } = packedTokens(section);
  const m = new Module(graph, checkpointOf(tensors.transformer));
  const image = graph.input("image", [imageTokens, config.hidden]);
  const context = graph.input("context", [contextTokens, config.hidden]);
  const turns = [imageTokens + contextTokens, config.headDim / 2];
  const rope = { cos: graph.input("cos", turns, "float32"), sin: graph.input("sin", turns, "float32") };
  const modulations = readModulations(m, config, graph.input("modulations", [modulationRows(config), config.hidden]));
  const streams = transformerBlocks(m, config, { image, context }, modulations, rope);
  graph.output("velocity", outputHead(m, streams.image, modulations, section.window));
  graph.output("residual", sub(m, streams.image, image));
  return graph.peak();
}

function vaeAlive(network: (m: Module, config: ReturnType<typeof parseVaeConfig>) => ReturnType<typeof decoder>) {
  const config = parseVaeConfig({
    in_channels: 3,
    out_channels: 3,
    latent_channels: 16,
    block_out_channels: [128, 256, 512, 512],
  });
  const graph = new SizedGraph("vae", "float16");
  graph.output("out", network(new Module(graph, checkpointOf(tensors.vae)), config));
  return graph.peak();
}
