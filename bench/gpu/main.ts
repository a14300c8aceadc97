/**
 * The GPU figures of the README, measured where there is a GPU: stage by stage, each printing what it finds as it finds it.
 *
 *     deno run -A bench/gpu/main.ts [--library=LIBONNXRUNTIME] [--folder=DIR] [--stages=provider,tiny,…] [--python=PYTHON]
 *         [--size=608x640] [--steps=25] [--rounds=3] [--dual=20] [--single=40] [--device=0]
 *
 * Needs no network. The folder is made on the spot with random weights (26 GB, published names and shapes) unless it is
 * there. `reference` needs a Python with torch for CUDA and diffusers, and is skipped without one. CUDA's libraries have
 * to be on the loader's path.
 * @module
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { openRuntime } from "../../src/engine/onnx/runtime.ts";
import { MissingError } from "../figure.ts";
import { print, show } from "../show.ts";
import type { GpuBench } from "./bench.ts";
import { writeRandomTransformer, writeRandomVae } from "./random_model.ts";
import { reference } from "./reference.ts";
import { section } from "./section.ts";
import * as stages from "./stages.ts";

const stageByName: Readonly<Record<string, stages.Stage>> = {
  provider: stages.provider,
  tiny: stages.tinyParity,
  matrix: stages.matrixRate,
  attention: stages.attention,
  block: stages.oneBlockEach,
  forward: stages.forwardPass,
  section,
  reference,
};
/** No stage of its own: what `attention` runs in another process. */
const loggedBlock = "logged-block";

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      library: { type: "string" },
      folder: { type: "string", default: "/tmp/framecast-13b" },
      stages: { type: "string", default: Object.keys(stageByName).join() },
      python: { type: "string", default: "python3" },
      size: { type: "string", default: "608x640" },
      steps: { type: "string", default: "25" },
      rounds: { type: "string", default: "3" },
      dual: { type: "string", default: "20" },
      single: { type: "string", default: "40" },
      device: { type: "string", default: "0" },
    },
  });
  const names = values.stages.split(",");
  const unknown = names.find((name) => !(name in stageByName) && name !== loggedBlock);
  if (unknown !== undefined) {
    print(`There is no stage "${unknown}". There are ${Object.keys(stageByName).join(", ")}`);
    return 2;
  }
  const isLogged = names.includes(loggedBlock);
  using runtime = openRuntime({
    ...(values.library === undefined ? {} : { libraryPath: values.library }),
    ...(isLogged ? { logSeverity: "verbose" } : {}),
  });
  const [widthPx, heightPx] = values.size.split("x").map(Number) as [number, number];
  let bench: GpuBench = {
    runtime,
    device: { kind: "cuda", index: Number(values.device) },
    folder: values.folder,
    blocks: { dual: Number(values.dual), single: Number(values.single) },
    size: { widthPx, heightPx },
    steps: Number(values.steps),
    rounds: Number(values.rounds),
    python: values.python,
    matrixRate: undefined,
  };
  await makeModel(bench);
  if (isLogged) {
    await stages.loggedBlock(bench);
    return 0;
  }
  let failed = 0;
  for (const name of names) {
    const start = performance.now();
    try {
      for await (const measurement of stageByName[name]!(bench)) {
        show(measurement);
        if (name === "matrix") bench = { ...bench, matrixRate: measurement.value * 1e12 };
      }
    } catch (error) {
      if (!(error instanceof MissingError)) failed++;
      print(`| ${name} | ${error instanceof MissingError ? "skipped" : "FAILED"} | | ${(error as Error).message} |`);
      if (name === "provider") return 1;
    }
    print(`${name}: ${((performance.now() - start) / 1000).toFixed(1)} s`);
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
