/**
 * The GPU figures of the README, measured where there is a GPU: stage by stage, each printing what it finds as it finds it.
 *
 *     deno run -A bench/gpu/main.ts [--library=LIBONNXRUNTIME] [--folder=DIR] [--stages=provider,tiny,…] [--python=PYTHON]
 *         [--size=608x640] [--sizes=256x256,320x576,…] [--steps=25] [--rounds=3] [--dual=20] [--single=40] [--device=0]
 *
 * The stages, in their order; one that fails does not stop those after it:
 *
 *     provider, tiny, matrix, attention, block    whether all is there, the ceiling, the kernels: seconds each
 *     forward, section                            one forward pass, one section at `--size`
 *     reference                                   the published class on torch; skipped without a `--python` that has it
 *     precision                                   a forward pass with coarser weights
 *     table                                       media seconds per second by `--sizes`, precision and lever
 *     ready                                       an engine process until it can sample, cold and warm
 *     live                                        a server with a viewer and without; `--rounds` videos of each kind
 *     job                                         whole videos, one of them long
 *
 * Needs no network. The folder is made on the spot with random weights (26 GB; 17 GB more in 8 bits and 11 in 4 for `precision`
 * and `table`, 18 GB more for the encoders of `ready`, `live` and `job`, for which the packed ones are removed where the
 * disk has no room for all; published names and shapes) unless it is there.
 * `live` needs ffmpeg, as the server does. CUDA's libraries have to be on the loader's path. Widths come before heights;
 * `--sizes` are taken smallest first.
 * @module
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { openRuntime, type Runtime } from "../../src/engine/onnx/runtime.ts";
import { MissingError } from "../figure.ts";
import { print, show } from "../show.ts";
import { type GpuBench, releaseWorkingMemory } from "./bench.ts";
import { parseSize, sizesInOrder } from "./inputs.ts";
import { job } from "./job.ts";
import { live } from "./live.ts";
import { precision } from "./precision.ts";
import { writeRandomTransformer, writeRandomVae } from "./random_model.ts";
import { ready } from "./ready.ts";
import { reference } from "./reference.ts";
import { section } from "./section.ts";
import * as stages from "./stages.ts";
import { table, tableSizes } from "./table.ts";

const stageByName: Readonly<Record<string, stages.Stage>> = {
  provider: stages.provider,
  tiny: stages.tinyParity,
  matrix: stages.matrixRate,
  attention: stages.attention,
  block: stages.oneBlockEach,
  forward: stages.forwardPass,
  section,
  reference,
  precision,
  table,
  ready,
  live,
  job,
};
/** No stage of its own: what `attention` runs in another process. */
const loggedBlock = "logged-block";

async function main(): Promise<number> {
  const { stages: list, library, ...rest } = readArguments();
  const names = list.split(",");
  const unknown = names.find((name) => !(name in stageByName) && name !== loggedBlock);
  if (unknown !== undefined) {
    print(`There is no stage "${unknown}". There are ${Object.keys(stageByName).join(", ")}`);
    return 2;
  }
  const isLogged = names.includes(loggedBlock);
  using runtime = openRuntime({
    ...(library === undefined ? {} : { libraryPath: library }),
    ...(isLogged ? { logSeverity: "verbose" } : {}),
  });
  const bench = benchOf(runtime, library, rest);
  await makeModel(bench);
  if (!isLogged) return await runStages(names, bench);
  await stages.loggedBlock(bench);
  return 0;
}

function readArguments() {
  return parseArgs({
    options: {
      library: { type: "string" },
      folder: { type: "string", default: "/tmp/framecast-13b" },
      stages: { type: "string", default: Object.keys(stageByName).join() },
      python: { type: "string", default: "python3" },
      size: { type: "string", default: "608x640" },
      sizes: { type: "string" },
      steps: { type: "string", default: "25" },
      rounds: { type: "string", default: "3" },
      dual: { type: "string", default: "20" },
      single: { type: "string", default: "40" },
      device: { type: "string", default: "0" },
    },
  }).values;
}

function benchOf(
  runtime: Runtime,
  libraryPath: string | undefined,
  { folder, python, size, sizes, steps, rounds, dual, single, device }: Omit<
    ReturnType<typeof readArguments>,
    "stages" | "library"
  >,
): GpuBench {
  return {
    runtime,
    libraryPath,
    device: { kind: "cuda", index: Number(device) },
    folder,
    blocks: { dual: Number(dual), single: Number(single) },
    size: parseSize(size),
    sizes: sizes === undefined ? tableSizes : sizesInOrder(sizes.split(",").map(parseSize)),
    steps: Number(steps),
    rounds: Number(rounds),
    python,
    matrixRate: undefined,
  };
}

/** @returns how many failed; a stage that cannot run here is skipped, and without a GPU none can */
async function runStages(names: readonly string[], start: GpuBench): Promise<number> {
  let bench = start;
  let failed = 0;
  for (const name of names) {
    const begun = performance.now();
    try {
      for await (const measurement of stageByName[name]!(bench)) {
        show(measurement);
        if (name === "matrix") bench = { ...bench, matrixRate: measurement.value * 1e12 };
      }
    } catch (error) {
      const isSkipped = error instanceof MissingError;
      if (!isSkipped) failed++;
      print(`| ${name} | ${isSkipped ? "skipped" : "FAILED"} | | ${(error as Error).message} |`);
      if (name === "provider") return failed;
    }
    try {
      releaseWorkingMemory(bench); // other processes plan with what is free
    } catch (error) {
      failed++;
      print(`| ${name}, its memory given back | FAILED | | ${(error as Error).message} |`);
    }
    print(`${name}: ${((performance.now() - begun) / 1000).toFixed(1)} s`);
  }
  return failed;
}

async function makeModel({ folder, blocks }: GpuBench): Promise<void> {
  const whole = join(folder, "whole"); // written last
  if (await Deno.stat(whole).then(() => true, () => false)) return;
  const start = performance.now();
  await writeRandomVae(join(folder, "vae"));
  await writeRandomTransformer(join(folder, "transformer"), blocks);
  await Deno.writeTextFile(whole, "");
  print(`random model: ${((performance.now() - start) / 1000).toFixed(1)} s`);
}

if (import.meta.main) Deno.exit(await main());
