/**
 * The stages of the GPU benchmark, in the order in which each needs the one before it.
 * @module
 */
import { join } from "node:path";
import { distanceBetween } from "../../src/engine/parity/distance.ts";
import { readGoldenCase } from "../../src/engine/parity/golden_case.ts";
import { forward } from "../../src/engine/parity/transformer_cases.ts";
import { cudaMemoryInfo } from "../../src/engine/onnx/cuda_memory.ts";
import { Graph } from "../../src/engine/onnx/graph.ts";
import { Module } from "../../src/engine/onnx/module.ts";
import { bfloat16OfFloat32 } from "../../src/engine/onnx/tensor.ts";
import { openCheckpoint } from "../../src/engine/onnx/safetensors.ts";
import { type Measurement, median, timed } from "../figure.ts";
import { goldenDir, makeTinyModel } from "../../tests/tiny_model.ts";
import { attentionKernels, requireFusedAttention } from "./attention_log.ts";
import {
  allResident,
  allStreamed,
  forwardPasses,
  going,
  type GpuBench,
  openTransformer,
  peakMemory,
  releaseWorkingMemory,
} from "./bench.ts";
import { allTokens, blockFlops } from "./inputs.ts";

export type Stage = (bench: GpuBench) => AsyncIterable<Measurement>;

/** The provider loads, and the card answers. */
export async function* provider({ runtime, device }: GpuBench): AsyncGenerator<Measurement> {
  const why = runtime.whyNot(device);
  if (why) throw why;
  const { freeBytes, totalBytes } = cudaMemoryInfo(device.index);
  const detail = { totalGigabytes: totalBytes / 1e9 };
  yield { figure: "free memory of the card", value: freeBytes / 1e9, unit: "GB", detail };
}

/** A recorded forward pass of the tiny model with the real head size, against what the published code recorded. */
export async function* tinyParity(bench: GpuBench): AsyncGenerator<Measurement> {
  await using model = await makeTinyModel("tiny-h128");
  const file = join(goldenDir, "cases/bf16/tiny-h128_forward_96x80.json");
  const golden = { ...await readGoldenCase(file, model.dir), modelDir: model.dir };
  const recorded = golden.expect["bf16_to_fp32"] as { sample: { rel_l2: number } };
  for (const [name, placement] of [["resident", allResident], ["streamed", allStreamed]] as const) {
    await using loaded = await openTransformer(bench, placement, { folder: join(model.dir, "transformer") });
    const { sample } = await forward(loaded.transformer, golden, "sample");
    const away = distanceBetween(sample!.data, golden.outputs["sample_fp32"]!.tensor.data).rel_l2;
    yield {
      figure: `tiny model in bfloat16, blocks ${name}: distance from float32 against the published code's own`,
      value: away / recorded.sample.rel_l2,
      unit: "×",
      aim: { atMost: 1 },
      detail: { distance: away, published: recorded.sample.rel_l2 },
    };
  }
}

/** Large products, which nothing but the card bounds: the ceiling of all that follows. */
export async function* matrixRate({ runtime, device, rounds }: GpuBench): AsyncGenerator<Measurement> {
  const [size, products] = [8192, 8];
  await using model = await makeTinyModel("tiny-h128");
  const graph = new Graph("products", "bfloat16");
  const m = new Module(graph, await openCheckpoint(join(model.dir, "transformer")));
  const weight = graph.input("w", [size, size]);
  let x = graph.input("x", [size, size]);
  for (let product = 0; product < products; product++) {
    x = m.op("Gemm", [x, weight], [size, size], { transB: 1, alpha: { float: size ** -0.5 } });
  }
  graph.output("y", x);
  using executable = await runtime.compile(graph.build(), { device, weights: "resident", nodesOnCpu: "refused" });
  const numbers = bfloat16OfFloat32(Float32Array.from({ length: size ** 2 }, (_, at) => Math.sin(at * at)));
  const given = { dtype: "bfloat16", shape: [size, size], data: numbers } as const;
  const first = await executable.runInto({ x: given, w: given }, { y: "device" }, going);
  using onDevice = first.y;
  const seconds: number[] = [];
  for (let round = 0; round <= rounds; round++) {
    seconds.push(
      await timed(async () => {
        const { y } = await executable.runInto({ x: onDevice, w: onDevice }, { y: "device" }, going);
        y[Symbol.dispose]();
      }),
    );
  }
  const rate = 2 * size ** 3 * products / Math.min(...seconds);
  yield { figure: `bfloat16 products of ${size}³`, value: rate / 1e12, unit: "TFLOP/s", detail: { seconds } };
}

const oneEach = { dual: 1, single: 1 };

/** One dual and one single block at the real size: their rate, without the rest of a step; then with their MLPs cut in two. */
export async function* oneBlockEach(bench: GpuBench): AsyncGenerator<Measurement> {
  const passes = async (mlpChunks: number) => {
    releaseWorkingMemory(bench);
    await using loaded = await openTransformer(bench, allResident, { counts: oneEach, mlpChunks });
    const measured = await peakMemory(bench, () => forwardPasses(loaded, bench.rounds));
    return { ...measured, config: loaded.transformer.source.config, tokens: allTokens(loaded.inputs) };
  };
  const whole = await passes(1);
  yield rateOf(bench, whole.config, whole.tokens, whole.result.seconds, "one dual and one single block");
  const cut = await passes(2);
  const slower = median(cut.result.seconds) / median(whole.result.seconds);
  const detail = { whole: whole.result.seconds, cut: cut.result.seconds };
  yield { figure: "the two with their MLPs cut in two, against whole", value: slower, unit: "×", detail };
  yield memory("the two, whole", whole);
  yield memory("the two, cut", cut);
}

/** The same in a process that writes ONNX Runtime's verbose log, from which the attention kernels are read. */
export async function* attention(bench: GpuBench): AsyncGenerator<Measurement> {
  const args = Deno.args.filter((arg) => !arg.startsWith("--stages"));
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", import.meta.resolve("./main.ts"), ...args, "--stages=logged-block"],
    stdout: "null",
    stderr: "piped",
  });
  const { stderr, success } = await child.output();
  const log = new TextDecoder().decode(stderr);
  if (!success) throw new Error(`The logged block failed: ${log.slice(-1000)}`);
  await using loaded = await openTransformer(bench, allStreamed, { counts: oneEach });
  const kernels = attentionKernels(log, allTokens(loaded.inputs));
  requireFusedAttention(kernels);
  const runs = Object.values(kernels).reduce((sum, each) => sum + each, 0);
  yield { figure: "attention of the blocks in a fused kernel", value: runs, unit: "runs", detail: { kernels } };
}

/** What `attention` runs in its process. */
export async function loggedBlock(bench: GpuBench): Promise<void> {
  await using loaded = await openTransformer(bench, allResident, { counts: oneEach });
  await forwardPasses(loaded, 1);
}

/** All blocks resident, then all streamed: time, rate, memory, and that both give the same bits. */
export async function* forwardPass(bench: GpuBench): AsyncGenerator<Measurement> {
  const passes = async (placement: typeof allResident) => {
    releaseWorkingMemory(bench);
    await using loaded = await openTransformer(bench, placement);
    const measured = await peakMemory(bench, () => forwardPasses(loaded, bench.rounds));
    return { ...measured, config: loaded.transformer.source.config, tokens: allTokens(loaded.inputs) };
  };
  const resident = await passes(allResident);
  yield rateOf(bench, resident.config, resident.tokens, resident.result.seconds, "forward pass, resident");
  yield memory("forward pass, resident", resident);
  yield {
    figure: "first forward pass, weights loaded",
    value: resident.result.firstSeconds,
    unit: "s",
    detail: { files: bench.folder },
  };
  const streamed = await passes(allStreamed);
  const slower = median(streamed.result.seconds) / median(resident.result.seconds);
  const detail = { resident: resident.result.seconds, streamed: streamed.result.seconds };
  yield { figure: "forward pass, streamed against resident", value: slower, unit: "×", aim: { atMost: 1.3 }, detail };
  yield memory("forward pass, streamed", streamed);
  const differing = resident.result.velocity.filter((number, at) => number !== streamed.result.velocity[at]).length;
  yield { figure: "numbers that streaming changes", value: differing, unit: "", aim: { atMost: 0 }, detail: {} };
}

function rateOf(
  { matrixRate: ceiling }: GpuBench,
  config: Parameters<typeof blockFlops>[0],
  tokens: number,
  seconds: readonly number[],
  figure: string,
): Measurement {
  const rate = blockFlops(config, tokens) / median(seconds);
  return {
    figure,
    value: median(seconds),
    unit: "s",
    detail: { tokens, seconds, teraflopsPerSecond: rate / 1e12, shareOfMatrixRate: ceiling ? rate / ceiling : null },
  };
}

const memory = (
  figure: string,
  { peakBytes, beforeBytes }: { peakBytes: number; beforeBytes: number },
): Measurement => ({
  figure: `${figure}: video memory above what was taken before`,
  value: (peakBytes - beforeBytes) / 1e9,
  unit: "GB",
  detail: { peakGigabytes: peakBytes / 1e9 },
});
