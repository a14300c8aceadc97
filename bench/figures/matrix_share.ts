/**
 * How much of the rate that ONNX Runtime reaches on this CPU in large matrix products the networks reach.
 * @module
 */
import { outputHead, transformerBlocks } from "../../src/engine/networks/framepack_transformer.ts";
import { modulationRows, readModulations } from "../../src/engine/networks/modulation.ts";
import { decoder } from "../../src/engine/networks/vae.ts";
import { Graph } from "../../src/engine/onnx/graph.ts";
import { Module } from "../../src/engine/onnx/module.ts";
import { encodeModel } from "../../src/engine/onnx/model_proto.ts";
import { matmul } from "../../src/engine/onnx/operators.ts";
import type { Executable, Runtime } from "../../src/engine/onnx/runtime.ts";
import { openCheckpoint } from "../../src/engine/onnx/safetensors.ts";
import { float32Tensor, type Tensor } from "../../src/engine/onnx/tensor.ts";
import { historyGroups } from "../../src/engine/sampling/mod.ts";
import type { LatentSize, Vae } from "../../src/engine/vae.ts";
import { decodeTiling, inTiles, type Volume } from "../../src/engine/vae_tiling.ts";
import {
  blocksGraph,
  packedTokens,
  type SectionShape,
  type TransformerSource,
} from "../../src/engine/transformer_graphs.ts";
import { embeddedModelDir, exampleRequest, idleThreads, loadEmbeddedModel, threads } from "../embedded_model.ts";
import { type BenchOptions, type Figure, inTurns, type Measurement, timed } from "../figure.ts";
import { CountedGraph } from "../flop_count.ts";

export const matrixShare: Figure = { name: "matrix-share", what: "share of this CPU's matrix rate", measure };

/** Large enough that nothing but the product counts. */
const matrixSizes = [1536, 2048] as const;
/** A section and the one before it. */
const decodedLatentFrames = 18;
const runsInARow = 6;
const signal = new AbortController().signal;

async function* measure({ rounds }: BenchOptions): AsyncGenerator<Measurement> {
  await using embedded = await loadEmbeddedModel();
  const { model, runtime } = embedded;
  const { settings: { widthPx, heightPx, prompt } } = await exampleRequest(1);
  const [height, width] = [heightPx / 8, widthPx / 8];
  const shape: SectionShape = {
    window: [model.manifest.latentWindowFrames, height, width],
    history: { "1x": 1 + historyGroups.clean1x, "2x": historyGroups.clean2x, "4x": historyGroups.clean4x },
  };
  const text = await model.textEncoder.encode(prompt, signal);
  const imageTokens = 16;
  const contextTokens = imageTokens + text.states.shape[0]!;
  const work: Record<string, Work> = {
    transformer: await transformerWork(runtime, model.transformer.source, shape, contextTokens),
    "VAE decode": await decoderWork(model.vae, { height, width }),
  };
  for (const size of matrixSizes) work[`MatMul ${size}³`] = await matrixWork(runtime, size);
  const timings = await inTurns(
    Object.fromEntries(Object.entries(work).map(([name, { run }]) => [name, () => secondsOf(run)])),
    rounds,
  );
  const gflops = Object.fromEntries(
    Object.entries(work).map(([name, { flops }]) => [name, flops / timings[name]!.min / 1e9]),
  );
  const ceiling = Math.max(...matrixSizes.map((size) => gflops[`MatMul ${size}³`]!));
  const detail = {
    threads,
    idleThreads,
    contextTokens,
    gflopsPerSecond: gflops,
    seconds: timings,
    gflop: mapped(work),
  };
  for (const [name, atLeast] of [["transformer", 0.7], ["VAE decode", 0.5]] as const) {
    const figure = `${name}: share of the rate of large matrix products`;
    yield { figure, value: gflops[name]! / ceiling, unit: "", aim: { atLeast }, detail };
  }
  for (const { executable } of Object.values(work)) executable?.[Symbol.dispose]();
}

const mapped = (work: Record<string, Work>) =>
  Object.fromEntries(Object.entries(work).map(([name, { flops }]) => [name, flops / 1e9]));

/** Of one run among as many in a row as a section has steps: caches and threads are as in real work. */
async function secondsOf(run: () => Promise<unknown>): Promise<number> {
  await run();
  return await timed(async () => {
    for (let time = 0; time < runsInARow; time++) await run();
  }) / runsInARow;
}

interface Work {
  readonly flops: number;
  readonly executable?: Executable;
  readonly run: () => Promise<unknown>;
}

const compile = (runtime: Runtime, graph: Uint8Array<ArrayBuffer>) =>
  runtime.compile(graph, { device: { kind: "cpu" }, weights: "resident", threads, idleThreads });

/** The graph that runs in every step. */
async function transformerWork(
  runtime: Runtime,
  source: TransformerSource,
  shape: SectionShape,
  contextTokens: number,
): Promise<Work> {
  const { config, checkpoint } = source;
  const { image } = packedTokens(shape);
  const inputs = {
    image: numbers([image, config.hidden]),
    context: numbers([contextTokens, config.hidden]),
    modulations: numbers([modulationRows(config), config.hidden]),
    cos: numbers([image + contextTokens, config.headDim / 2]),
    sin: numbers([image + contextTokens, config.headDim / 2]),
  };
  const counted = new CountedGraph("transformer");
  const m = new Module(counted, checkpoint);
  const input = (name: keyof typeof inputs) => counted.input(name, inputs[name].shape);
  const modulations = readModulations(m, config, input("modulations"));
  const rope = { cos: input("cos"), sin: input("sin") };
  const streams = { image: input("image"), context: input("context") };
  const blocks = transformerBlocks(m, config, streams, modulations, rope);
  outputHead(m, blocks.image, modulations, shape.window);
  const executable = await compile(runtime, encodeModel(blocksGraph(source, shape)));
  return { flops: counted.flops, executable, run: () => executable.run(inputs) };
}

/** Two windows as the product decodes them: in tiles, as many at once as it finds right. */
async function decoderWork(vae: Vae, size: LatentSize): Promise<Work> {
  const shape: Volume["shape"] = [16, decodedLatentFrames, size.height, size.width];
  let flops = 0;
  await inTiles(volume(shape), decodeTiling, "tiled", (tile) => {
    const [channels, frames, height, width] = tile.shape;
    const graph = new CountedGraph("decoder");
    decoder(new Module(graph, vae.checkpoint), vae.config, graph.input("latents", [frames, channels, height, width]));
    flops += graph.flops;
    return Promise.resolve(volume([3, 4 * frames - 3, 8 * height, 8 * width]));
  });
  const latents = numbers(shape).data;
  let run = 0;
  // Tiles that come again are not decoded again, so each run gets numbers of its own.
  return { flops, run: () => vae.decode(latents.map((value) => value + ++run * 1e-6), size, signal) };
}

function volume(shape: Volume["shape"]): Volume {
  return { shape, data: new Float32Array(shape.reduce((product, size) => product * size, 1)) };
}

async function matrixWork(runtime: Runtime, size: number): Promise<Work> {
  const graph = new Graph("product");
  const m = new Module(graph, await openCheckpoint(`${embeddedModelDir}/vae`));
  const x = numbers([size, size]);
  graph.output("y", matmul(m, graph.input("x", x.shape), graph.constant("w", x)));
  const executable = await compile(runtime, graph.build());
  return { flops: 2 * size ** 3, executable, run: () => executable.run({ x }) };
}

/** About the size of real activations; which they are does not matter to the time. */
function numbers(shape: readonly number[]): Tensor<"float32"> {
  const count = shape.reduce((product, size) => product * size, 1);
  return float32Tensor(shape, Float32Array.from({ length: count }, (_, at) => Math.sin(at)));
}
