/**
 * Which form of a 3×3×3 causal convolution is fastest in ONNX Runtime on this CPU, at the widths of the embedded model's
 * decoder and of a wide one. Every form computes the same numbers; all are timed in turns within one run, on one thread and
 * in CPU time, so that other programs on the machine change little.
 *
 *     deno run --allow-read --allow-ffi --allow-env=ORT_DISABLE_TELEMETRY bench/convolution_forms.ts
 * @module
 */
import process from "node:process";
import { causalConvolution } from "../src/engine/layers/convolution.ts";
import { Graph, type Value } from "../src/engine/onnx/graph.ts";
import { Module } from "../src/engine/onnx/module.ts";
import { add, concat, matmul, padEdge, reshape, slice, split, transpose } from "../src/engine/onnx/operators.ts";
import { type Executable, openRuntime, type Runtime } from "../src/engine/onnx/runtime.ts";
import type { Checkpoint } from "../src/engine/onnx/safetensors.ts";
import { elementCount, float32Tensor, type Tensor } from "../src/engine/onnx/tensor.ts";

/** [frames, channels, height, width] */
type Size = readonly [frames: number, channels: number, height: number, width: number];

const sizes: readonly Size[] = [
  [17, 8, 96, 96],
  [17, 16, 96, 96],
  [9, 16, 48, 48],
  [5, 32, 24, 24],
  [5, 64, 12, 12],
  [9, 128, 64, 64],
];

/** A layer of as many channels as `x` has. x `[frames, channels, height, width]` but for the first form */
type Form = (m: Module, x: Value) => Value;

const forms: Readonly<Record<string, Form>> = {
  "3-D operator": threeDimensional,
  "taps as input channels": tapsAsInputChannels,
  "three summed": threeSummed,
  "taps as output channels": (m, x) => causalConvolution(m, x, x.shape[1] as number),
};

/** x `[1, channels, frames, height, width]` */
function threeDimensional(m: Module, x: Value): Value {
  const { kernel, bias } = weights(m, x.shape[1] as number);
  const padded = padEdge(m, x, [0, 0, 2, 1, 1], [0, 0, 0, 1, 1]);
  return m.op("Conv", [padded, kernel, bias], x.shape, { "kernel_shape": [3, 3, 3] });
}

function tapsAsInputChannels(m: Module, x: Value): Value {
  const [frames, channels] = x.shape as [number, number];
  const { kernel, bias } = weights(m, channels);
  const stacked = reshape(m, transpose(m, kernel, [0, 2, 1, 3, 4]), [channels, 3 * channels, 3, 3]);
  const seen = concat(m, 1, ...delayed(m, x, frames));
  return m.op("Conv", [seen, stacked, bias], x.shape, { "kernel_shape": [3, 3] });
}

function threeSummed(m: Module, x: Value): Value {
  const [frames, channels] = x.shape as [number, number];
  const { kernel, bias } = weights(m, channels);
  const taps = split(m, kernel, 2, [1, 1, 1]).map((tap) => reshape(m, tap, [channels, channels, 3, 3]));
  return delayed(m, x, frames)
    .map((seen, tap) =>
      m.op("Conv", tap === 2 ? [seen, taps[tap]!, bias] : [seen, taps[tap]!], x.shape, { "kernel_shape": [3, 3] })
    )
    .reduce((sum, tap) => add(m, sum, tap));
}

/** The frames two ago, one ago, and now, padded in space. */
function delayed(m: Module, x: Value, frames: number): Value[] {
  const padded = padEdge(m, x, [2, 0, 1, 1], [0, 0, 1, 1]);
  return [0, 1, 2].map((tap) => slice(m, padded, 0, tap, tap + frames));
}

const weights = (m: Module, channels: number) => ({
  kernel: m.weight("conv.weight", [channels, channels, 3, 3, 3]),
  bias: m.weight("conv.bias", [channels]),
});

/** Numbers enough for any layer; which ones does not matter to the time. */
const someNumbers: Checkpoint = {
  get: (name) => {
    const channels = Number(name.split(".")[0]);
    const shape = name.endsWith("bias") ? [channels] : [channels, channels, 3, 3, 3];
    return { name, dtype: "float32", shape, source: { bytes: new Uint8Array(wave(elementCount(shape)).buffer) } };
  },
  has: () => true,
  names: () => [],
  readFloat32: () => Promise.reject(new Error("not needed")),
  metadata: {},
};

const wave = (length: number) => Float32Array.from({ length }, (_, at) => Math.sin(at) * 0.1);

/** Layers in a row, so that what a form does to the layout of its input and output counts. */
const layers = 3;

interface Contender {
  readonly executable: Executable;
  readonly input: Tensor;
}

async function contender(runtime: Runtime, shape: readonly number[], build: Form): Promise<Contender> {
  const graph = new Graph("bench");
  // The cursor's path holds the width, from which the checkpoint above makes weights that fit.
  const m = new Module(graph, someNumbers, `${shape[1]}`);
  const y = build(m, graph.input("x", shape));
  graph.output("y", slice(m, y, 0, 0, 1));
  const executable = await runtime.compile(graph.build(), {
    device: { kind: "cpu" },
    weights: "resident",
    threads: 1,
    idleThreads: "sleep",
  });
  return { executable, input: float32Tensor(shape, wave(elementCount(shape))) };
}

/** The least CPU milliseconds of each contender's runs, taken in turns. */
async function race(contenders: readonly Contender[], rounds: number): Promise<number[]> {
  const best = contenders.map(() => Infinity);
  for (let round = 0; round < rounds; round++) {
    for (const [index, { executable, input }] of contenders.entries()) {
      const start = process.cpuUsage();
      await executable.run({ x: input });
      const { user, system } = process.cpuUsage(start);
      best[index] = Math.min(best[index]!, (user + system) / 1000);
    }
  }
  for (const { executable } of contenders) executable[Symbol.dispose]();
  return best;
}

/** GFLOP per second of a large matrix product: what this CPU can reach in ONNX Runtime. */
async function matrixRate(runtime: Runtime, width = 1536): Promise<number> {
  const matrix = float32Tensor([width, width], wave(width * width));
  const product = await contender(runtime, [width, width], (m, x) => matmul(m, x, m.graph.constant("w", matrix)));
  const [bestMs] = await race([product], 8);
  return 2 * width ** 3 / bestMs! / 1e6;
}

if (import.meta.main) {
  using runtime = openRuntime();
  const line = (text: string) => Deno.stdout.write(new TextEncoder().encode(`${text}\n`));
  const rate = await matrixRate(runtime);
  await line(`| frames × channels × height × width | ${Object.keys(forms).join(" | ")} |`);
  for (const [frames, channels, height, width] of sizes) {
    const contenders = await Promise.all(
      Object.values(forms).map((form) => {
        const shape = form === threeDimensional
          ? [1, channels, frames, height, width]
          : [frames, channels, height, width];
        return contender(runtime, shape, (m, x) => Array(layers).fill(form).reduce((y, layer: Form) => layer(m, y), x));
      }),
    );
    const milliseconds = (await race(contenders, 10)).map((total) => total / layers);
    const gflop = frames * height * width * 27 * channels * channels * 2 / 1e9;
    const shares = milliseconds.map((ms) => gflop / ms * 1000 / rate);
    const size = [frames, channels, height, width].join(" × ");
    await line(
      `| ${size} | ${milliseconds.map((ms, i) => `${ms.toFixed(2)} ms (${shares[i]!.toFixed(2)})`).join(" | ")} |`,
    );
    const figures = Object.fromEntries(Object.keys(forms).map((form, i) => [form, milliseconds[i]]));
    await line(
      JSON.stringify({ figure: `causal convolution ${size}`, unit: "CPU ms", ...figures, matrixGflops: rate }),
    );
  }
}
