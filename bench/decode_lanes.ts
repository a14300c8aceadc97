/**
 * Whether decoder tiles are better computed one after the other with all threads, or two at once with half of the threads
 * each. Timed in turns within one run, against the rate of a large matrix product in the same run.
 *
 *     deno run --allow-read --allow-ffi --allow-env=ORT_DISABLE_TELEMETRY bench/decode_lanes.ts [MODEL_FOLDER]
 * @module
 */
import { join } from "node:path";
import { readJsonObject } from "../src/engine/json_file.ts";
import { decoder } from "../src/engine/networks/vae.ts";
import { parseVaeConfig, type VaeConfig } from "../src/engine/networks/vae_config.ts";
import { Graph } from "../src/engine/onnx/graph.ts";
import { Module } from "../src/engine/onnx/module.ts";
import { matmul, slice } from "../src/engine/onnx/operators.ts";
import { openRuntime } from "../src/engine/onnx/runtime.ts";
import { openCheckpoint } from "../src/engine/onnx/safetensors.ts";
import { elementCount, float32Tensor } from "../src/engine/onnx/tensor.ts";

const tile = [5, 16, 12, 12];
const matrix = [1536, 1536];
const rounds = 12;
const threads = navigator.hardwareConcurrency;

const wave = (shape: readonly number[]) =>
  float32Tensor(shape, Float32Array.from({ length: elementCount(shape) }, (_, at) => Math.sin(at)));

async function decoderGraph(folder: string): Promise<Uint8Array<ArrayBuffer>> {
  const graph = new Graph("decoder");
  const m = new Module(graph, await openCheckpoint(folder));
  const config = parseVaeConfig(await readJsonObject(join(folder, "config.json")));
  graph.output("pixels", decoder(m, config, graph.input("x", tile)));
  return graph.build();
}

/** One row of the product leaves, so that copying it costs nothing. */
async function productGraph(folder: string): Promise<Uint8Array<ArrayBuffer>> {
  const graph = new Graph("product");
  const m = new Module(graph, await openCheckpoint(folder));
  graph.output("y", slice(m, matmul(m, graph.input("x", matrix), graph.constant("w", wave(matrix))), 0, 0, 1));
  return graph.build();
}

/** Multiplications and additions of the network's 3×3×3 convolutions as the reference computes them, frame by frame. */
export function decoderGflop(
  { blockChannels, layersPerBlock }: VaeConfig,
  [frames, , height, width]: number[],
): number {
  const channels = blockChannels.toReversed();
  const gflop = (places: number, inner: number, out: number) => 2 * 27 * inner * out * places / 1e9;
  let [t, places, inner] = [frames!, frames! * height! * width!, channels[0]!];
  let sum = gflop(places, 16, inner) + 4 * gflop(places, inner, inner);
  channels.forEach((out, block) => {
    sum += gflop(places, inner, out) + (2 * layersPerBlock + 1) * gflop(places, out, out);
    if (block < 3) {
      const grown = block === 0 ? t : 2 * t - 1;
      [places, t] = [places / t * 4 * grown, grown];
      sum += gflop(places, out, out);
    }
    inner = out;
  });
  return sum + gflop(places, inner, 3);
}

if (import.meta.main) {
  const folder = join(Deno.args[0] ?? "models/emoji", "vae");
  using runtime = openRuntime();
  const compile = (graph: Uint8Array<ArrayBuffer>, threads: number) =>
    runtime.compile(graph, { device: { kind: "cpu" }, weights: "resident", idleThreads: "sleep", threads });
  using wide = await compile(await decoderGraph(folder), threads);
  using half = await compile(await decoderGraph(folder), Math.max(1, Math.floor(threads / 2)));
  using product = await compile(await productGraph(folder), threads);
  const [latents, numbers] = [{ x: wave(tile) }, { x: wave(matrix) }];
  const contenders: Record<string, () => Promise<unknown>> = {
    product: () => product.run(numbers),
    inTurn: async () => [await wide.run(latents), await wide.run(latents)],
    atOnce: () => Promise.all([half.run(latents), half.run(latents)]),
  };
  const best: Record<string, number> = { product: Infinity, inTurn: Infinity, atOnce: Infinity };
  for (let round = 0; round < rounds; round++) {
    for (const [name, run] of Object.entries(contenders)) {
      const start = performance.now();
      await run();
      best[name] = Math.min(best[name]!, performance.now() - start);
    }
  }
  const config = parseVaeConfig(await readJsonObject(join(folder, "config.json")));
  const matrixGflops = 2 * 1536 ** 3 / best["product"]! / 1e6;
  const share = (ms: number) => 2 * decoderGflop(config, tile) / ms * 1000 / matrixGflops;
  const figures = {
    figure: "two decoder tiles (17 frames, 96 × 96)",
    unit: "ms",
    threads,
    inTurn: best["inTurn"],
    atOnce: best["atOnce"],
    ratio: best["atOnce"]! / best["inTurn"]!,
    gflop: 2 * decoderGflop(config, tile),
    matrixGflops,
    shareInTurn: share(best["inTurn"]!),
    shareAtOnce: share(best["atOnce"]!),
  };
  await Deno.stdout.write(new TextEncoder().encode(`${JSON.stringify(figures)}\n`));
}
