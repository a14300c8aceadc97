/**
 * The published class on torch with the same weights and inputs on the same card: how fast, and how far from this engine.
 * @module
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { writeSafetensors } from "../../src/engine/onnx/safetensors.ts";
import { float32Tensor } from "../../src/engine/onnx/tensor.ts";
import { type Measurement, median, MissingError } from "../figure.ts";
import { allResident, forwardPasses, type GpuBench, openTransformer } from "./bench.ts";
import { exchangeTensors } from "./inputs.ts";

/** What `reference/gpu.py` answers. */
interface Answer {
  readonly seconds: readonly number[];
  readonly peakBytes: number;
  /** ‖ours − theirs‖ / ‖theirs‖ of the velocity */
  readonly distance: number;
  readonly versions: Readonly<Record<string, string>>;
}

/** @throws MissingError when the Python has no torch with CUDA or no diffusers */
export async function* reference(bench: GpuBench): AsyncGenerator<Measurement> {
  const file = join(bench.folder, "exchange.safetensors");
  const own = await ownPasses(bench, file);
  const { seconds, peakBytes, distance, versions } = await publishedPasses(bench, file);
  const detail = { own, published: seconds, publishedPeakGigabytes: peakBytes / 1e9, versions };
  yield {
    figure: "forward pass, resident: as fast as the published class in bfloat16",
    value: median(seconds) / median(own),
    unit: "×",
    aim: { atLeast: 1 },
    detail,
  };
  yield { figure: "… distance of the velocity from its", value: distance, unit: "", aim: { atMost: 0.05 }, detail: {} };
}

/** Their inputs and the velocity go to `file`; the memory is given back. */
async function ownPasses(bench: GpuBench, file: string): Promise<readonly number[]> {
  await using loaded = await openTransformer(bench, allResident);
  const { velocity, seconds } = await forwardPasses(loaded, bench.rounds);
  const { window } = loaded.inputs.section.shape;
  const velocityTensor = float32Tensor([1, 16, ...window], velocity);
  await writeSafetensors(file, { ...exchangeTensors(loaded.inputs), velocity: velocityTensor });
  return seconds;
}

async function publishedPasses({ python, folder, rounds }: GpuBench, file: string): Promise<Answer> {
  const script = fileURLToPath(new URL("../reference/gpu.py", import.meta.url));
  const child = new Deno.Command(python, { args: [script, join(folder, "transformer"), file, `${rounds}`] });
  const { success, stdout, stderr } = await child.output().catch((cause) => {
    throw new MissingError(`"${python}" cannot be started: ${(cause as Error).message}`, { cause });
  });
  if (!success) {
    throw new MissingError(
      `"${python}" cannot run the published class: ${new TextDecoder().decode(stderr).trim().split("\n").at(-1)}`,
    );
  }
  return JSON.parse(new TextDecoder().decode(stdout));
}
