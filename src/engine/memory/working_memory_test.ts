import assert from "node:assert/strict";
import { publishedTransformer } from "../../../bench/published_transformer.ts";
import { checkpointOf, publishedModelTensors } from "../../../bench/published_model.ts";
import { SizedGraph } from "../../../tests/tensor_liveness.ts";
import { dualStreamBlock, singleStreamBlock } from "../networks/framepack_transformer.ts";
import { modulationRows, readModulations } from "../networks/modulation.ts";
import { parseTransformerConfig } from "../networks/transformer_config.ts";
import { decoder, encoder } from "../networks/vae.ts";
import { parseVaeConfig } from "../networks/vae_config.ts";
import { Module, type Value } from "../onnx/module.ts";
import type { Checkpoint, Weight } from "../onnx/safetensors.ts";
import { type DType, elementBytes, elementCount } from "../onnx/tensor.ts";
import { packedTokens } from "../transformer_graphs.ts";
import { modelSizes } from "./model_sizes.ts";
import {
  decodingWorkingBytes,
  encodingWorkingBytes,
  modulationTableBytes,
  samplingWorkingBytes,
} from "./working_memory.ts";

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

Deno.test("samplingWorkingBytes() is what is alive at once in the graphs of the published blocks", () => {
  for (const [widthPx, heightPx, contextTokens] of [[640, 608, 793], [320, 576, 985], [256, 256, 730]] as const) {
    const alive = blocksAlive({ widthPx, heightPx, contextTokens });
    assertCovers(samplingBytes(widthPx, heightPx, contextTokens), alive, `${widthPx} × ${heightPx}`);
  }
});

Deno.test("samplingWorkingBytes() covers blocks whose MLPs are cut in two, which need two thirds", () => {
  for (const [widthPx, heightPx, contextTokens] of [[640, 608, 793], [1024, 1024, 985], [256, 256, 730]] as const) {
    const [whole, halves] = [1, 2].map((chunks) => samplingBytes(widthPx, heightPx, contextTokens, chunks));
    assert.ok(halves! < 2 / 3 * whole!);
    const alive = blocksAlive({ widthPx, heightPx, contextTokens, mlpChunks: 2 });
    assertCovers(halves!, alive, `${widthPx} × ${heightPx}`);
  }
});

/** Everything has an adapter beside it, whose own bytes are not counted. */
class SidedGraph extends SizedGraph {
  sideBytes = 0;
  readonly #sides = new Map<string, { readonly up: Value; readonly down: Value }>();

  override side(weights: readonly Weight[]) {
    const [rank, rows] = [64, weights.reduce((sum, { shape }) => sum + shape[0]!, 0)];
    const columns = weights[0]!.shape[1]!;
    const name = weights.map((weight) => weight.name).join("|");
    const known = this.#sides.get(name);
    if (known) return known;
    this.sideBytes += 2 * rank * (rows + columns);
    const side = { up: this.input(`${name}:up`, [rows, rank]), down: this.input(`${name}:down`, [rank, columns]) };
    this.#sides.set(name, side);
    return side;
  }
}

Deno.test("samplingWorkingBytes() covers blocks with adapters beside them", () => {
  for (const [widthPx, heightPx, contextTokens] of [[640, 608, 793], [256, 256, 730]] as const) {
    for (const mlpChunks of [1, 2]) {
      const alive = blocksAlive(
        { widthPx, heightPx, contextTokens, mlpChunks },
        () => new SidedGraph("block", "bfloat16"),
      );
      const formulaBytes = samplingBytes(widthPx, heightPx, contextTokens, mlpChunks, true);
      assertCovers(formulaBytes, alive, `${widthPx} × ${heightPx}, ${mlpChunks}`);
    }
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

Deno.test("samplingWorkingBytes() covers a single-stream block that unpacks its 8-bit matrices", () => {
  for (const [weights, scale] of [["packed", undefined], ["packed with scales", 0.5]] as const) {
    for (const [widthPx, heightPx] of [[640, 608], [256, 256]] as const) {
      for (const mlpChunks of [1, 2]) {
        const work = { section: sectionOf(widthPx, heightPx), contextTokens: 985, mlpChunks };
        const formulaBytes = samplingWorkingBytes(transformer, { ...work, weights });
        const alive = packedBlockAlive({ widthPx, heightPx, contextTokens: 985, mlpChunks }, scale);
        const ratio = formulaBytes / alive.bytes;
        const what =
          `${widthPx} × ${heightPx}, ${weights}, ${mlpChunks}: ${ratio} of the tensors alive at ${alive.node}`;
        assert.ok(ratio >= 1 && ratio < 1.65, what);
      }
    }
  }
});

/** A block whose weights are inputs in 8 bits; the inputs themselves lie in slots and are not counted. */
class PackedGraph extends SizedGraph {
  packedBytes = 0;
  readonly #made = new Map<string, Value[]>();

  override weight(weight: Weight): Value {
    return this.stackedInput([weight]);
  }

  override scale([weight]: readonly Weight[]): Value | undefined {
    if (weight!.scale === undefined) return undefined;
    const name = `${weight!.name}:scales`;
    const [made] = this.#made.get(name) ?? [this.input(name, [weight!.shape[0]!, 1], "float32")];
    this.#made.set(name, [made!]);
    return made!;
  }

  override stackedInput(weights: readonly Weight[]): Value {
    const rows = weights.reduce((sum, { shape }) => sum + shape[0]!, 0);
    const shape = [rows, ...weights[0]!.shape.slice(1)];
    const name = weights.map((weight) => weight.name).join("|");
    const [known] = this.#made.get(name) ?? [];
    if (known) return known;
    const dtype = weights[0]!.dtype as DType;
    this.packedBytes += elementCount(shape) * elementBytes[dtype];
    const made = this.input(name, shape, dtype);
    this.#made.set(name, [made]);
    return made;
  }

  /** ONNX Runtime makes once what a graph makes twice (`CommonSubexpressionElimination`). */
  override nodes(...given: Parameters<SizedGraph["nodes"]>): Value[] {
    const [, op, inputs, outs, { attributes }] = given;
    const key = JSON.stringify([op, inputs.map((value) => value?.name), outs, attributes]);
    const made = this.#made.get(key) ?? super.nodes(...given);
    this.#made.set(key, made);
    return made;
  }
}

interface BlockWork {
  readonly widthPx: number;
  readonly heightPx: number;
  readonly contextTokens: number;
  readonly mlpChunks?: number;
}

const config = parseTransformerConfig(publishedTransformer);
const publishedCheckpoint = checkpointOf(tensors.transformer);
const imageTokensOf = (widthPx: number, heightPx: number) => packedTokens(sectionOf(widthPx, heightPx)).image;

function blockInputs(m: Module, block: string, { widthPx, heightPx, contextTokens }: BlockWork) {
  const { graph } = m;
  const turns = [imageTokensOf(widthPx, heightPx) + contextTokens, config.headDim / 2];
  const rope = { cos: graph.input("cos", turns, "float32"), sin: graph.input("sin", turns, "float32") };
  const table = graph.input("modulations", [modulationRows(config, block), config.hidden]);
  return { rope, modulations: readModulations(m, config, table, block) };
}

function singleBlock(graph: SizedGraph, checkpoint: Checkpoint, work: BlockWork): void {
  const [m, block] = [new Module(graph, checkpoint), "single_transformer_blocks.0"];
  const tokens = imageTokensOf(work.widthPx, work.heightPx) + work.contextTokens;
  const joint = graph.input("joint", [tokens, config.hidden]);
  const { modulations, rope } = blockInputs(m, block, work);
  graph.output("nextJoint", singleStreamBlock(m.at(block), config, joint, modulations, rope, work.mlpChunks));
}

function dualBlock(graph: SizedGraph, checkpoint: Checkpoint, work: BlockWork): void {
  const [m, block] = [new Module(graph, checkpoint), "transformer_blocks.0"];
  const streams = {
    image: graph.input("image", [imageTokensOf(work.widthPx, work.heightPx), config.hidden]),
    context: graph.input("context", [work.contextTokens, config.hidden]),
  };
  const { modulations, rope } = blockInputs(m, block, work);
  const next = dualStreamBlock(m.at(block), config, streams, modulations, rope, work.mlpChunks);
  graph.output("nextImage", next.image);
  graph.output("nextContext", next.context);
}

function packedBlockAlive(work: BlockWork, scale: number | undefined) {
  const base = publishedCheckpoint;
  const checkpoint: typeof base = {
    ...base,
    get(name) {
      const weight = base.get(name);
      const isPacked = weight.shape.length > 1;
      return isPacked ? { ...weight, dtype: "float8e4m3fn", ...(scale === undefined ? {} : { scale }) } : weight;
    },
  };
  const graph = new PackedGraph("block", "bfloat16");
  singleBlock(graph, checkpoint, work);
  const { bytes, node } = graph.peak();
  return { bytes: bytes - graph.packedBytes, node };
}

/** At the worst moment of either block, without what lies beside its weights. */
function blocksAlive(work: BlockWork, newGraph: () => SizedGraph = () => new SizedGraph("block", "bfloat16")) {
  const peaks = [singleBlock, dualBlock].map((build) => {
    const graph = newGraph();
    build(graph, publishedCheckpoint, work);
    const { bytes, node } = graph.peak();
    return { node, bytes: bytes - (graph instanceof SidedGraph ? graph.sideBytes : 0) };
  });
  const alive = peaks.reduce((most, next) => next.bytes > most.bytes ? next : most);
  // One block's graph knows nothing of the other blocks' vectors, nor of what the blocks got and is still there.
  const got = 2 * imageTokensOf(work.widthPx, work.heightPx) * config.hidden;
  return { ...alive, bytes: alive.bytes + modulationTableBytes(transformer) + got };
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
