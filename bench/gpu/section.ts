/**
 * A whole section at the real size: every step, then the decoder over the section and the one before it.
 * @module
 */
import { join } from "node:path";
import {
  denoise,
  fluxMu,
  noisyTokens,
  sigmaSchedule,
  timestepOfSigma,
  torchNormal,
  withTeaCache,
} from "../../src/engine/sampling/mod.ts";
import { loadVae } from "../../src/engine/vae.ts";
import { type Measurement, timed } from "../figure.ts";
import {
  allResident,
  going,
  type GpuBench,
  gpuExecutables,
  type LoadedTransformer,
  openTransformer,
  peakMemory,
} from "./bench.ts";
import { sectionShape } from "./inputs.ts";

/** New frames of a section. */
const frames = 36;
/** The published code's usual threshold. */
const teaCacheThreshold = 0.15;

export async function* section(bench: GpuBench): AsyncGenerator<Measurement> {
  {
    await using loaded = await openTransformer(bench, allResident);
    await loaded.transformer.warm(loaded.inputs.section.shape);
    for (const threshold of [0, teaCacheThreshold]) {
      await sample(loaded, 2, 0); // kernels are chosen, weights are there
      const computed = { steps: 0 };
      const seconds = await timed(async () => computed.steps = await sample(loaded, bench.steps, threshold));
      yield {
        figure: `${bench.steps} steps ${threshold === 0 ? "without" : "with"} TeaCache, per frame`,
        value: seconds / frames,
        unit: "s",
        detail: { seconds, computedSteps: computed.steps, randomWeights: "what TeaCache skips depends on the model" },
      };
    }
  }
  yield* decoding(bench);
}

/** @returns steps that ran the blocks */
async function sample({ transformer, inputs }: LoadedTransformer, steps: number, threshold: number): Promise<number> {
  const { conditions, section: { shape } } = inputs;
  const [latentFrames, height, width] = shape.window;
  const sigmas = sigmaSchedule(steps, fluxMu(noisyTokens(latentFrames, height, width)));
  using conditioned = await transformer.condition(conditions, going);
  await conditioned.prepare([...sigmas.subarray(0, -1)].map((sigma) => timestepOfSigma(sigma, "bfloat16")), going);
  using model = await conditioned.section(inputs.section, going);
  const run = denoise({
    noise: torchNormal(31337)(16 * latentFrames * height * width),
    sigmas,
    positive: withTeaCache(model, { steps, threshold }),
    guidance: null,
    precision: "bfloat16",
  }, going);
  let computed = 0;
  for await (const { skipped } of run) if (!skipped) computed++;
  return computed;
}

/** Two windows, as the inverted and the forward schedule decode them. */
async function* decoding(bench: GpuBench): AsyncGenerator<Measurement> {
  const { window: [latentFrames, height, width] } = sectionShape(bench.size);
  for (const spatialTiles of ["tiled", "whole"] as const) {
    using executables = gpuExecutables(bench);
    const vae = await loadVae(join(bench.folder, "vae"), executables, { spatialTiles, computeDType: "float16" });
    const latents = torchNormal(1)(16 * 2 * latentFrames * height * width);
    let run = 0;
    // Tiles that come again are not decoded again, so each run gets numbers of its own.
    const decode = () => vae.decode(latents.map((value) => value + ++run * 1e-3), { height, width }, going);
    const { result, peakBytes, beforeBytes } = await peakMemory(bench, async () => {
      const firstSeconds = await timed(decode);
      return { firstSeconds, seconds: await timed(decode) };
    });
    yield {
      figure: `decoding ${2 * latentFrames} latent frames, ${spatialTiles}`,
      value: result.seconds,
      unit: "s",
      detail: { ...result, memoryGigabytes: (peakBytes - beforeBytes) / 1e9 },
    };
  }
}
