/**
 * One section's two halves at any size, as the stages measure them: its steps, and the decoder over it and the one before it.
 * @module
 */
import { join } from "node:path";
import {
  type CacheableModel,
  denoise,
  fluxMu,
  noisyTokens,
  sigmaSchedule,
  timestepOfSigma,
  torchNormal,
  withTeaCache,
} from "../../src/engine/sampling/mod.ts";
import { SharedWeights } from "../../src/engine/streaming/shared_weights.ts";
import { loadVae, type Vae } from "../../src/engine/vae.ts";
import type { SpatialTiles } from "../../src/engine/vae_tiling.ts";
import { timed } from "../figure.ts";
import { type Bench, going, type LoadedTransformer, stageExecutables } from "./bench.ts";
import { type GpuInputs, type PictureSize, sectionShape } from "./inputs.ts";

/** New frames of a section. */
export const frames = 36;
/** The published code's usual threshold. */
const teaCacheThreshold = 0.15;

/**
 * Which steps reuse the residual of the one before them. What TeaCache chooses depends on the weights: of random ones it
 * tells nothing. `every second step`, but the last, is a choice that every model can be measured with.
 */
export type Reuse = "no step" | "TeaCache's choice" | "every second step";

export interface SampledSection {
  /** Of all steps, once the vectors of each are there. */
  readonly seconds: number;
  /** Until these were there, which a video waits for once. */
  readonly preparedSeconds: number;
  /** Of each step that ran the blocks. */
  readonly computed: readonly number[];
  /** Of each that did not. */
  readonly reused: readonly number[];
}

/** @param inputs of the size to be sampled */
export async function sampleSection(
  { transformer }: Pick<LoadedTransformer, "transformer">,
  { conditions, section }: GpuInputs,
  steps: number,
  reuse: Reuse,
): Promise<SampledSection> {
  const [latentFrames, height, width] = section.shape.window;
  const sigmas = sigmaSchedule(steps, fluxMu(noisyTokens(latentFrames, height, width)));
  const timesteps = [...sigmas.subarray(0, -1)].map((sigma) => timestepOfSigma(sigma, "bfloat16"));
  using conditioned = await transformer.condition(conditions, going);
  const preparedSeconds = await timed(() => conditioned.prepare(timesteps, going));
  const [computed, reused]: [number[], number[]] = [[], []];
  const seconds = await timed(async () => {
    using model = await conditioned.section(section, going);
    const run = denoise({
      noise: torchNormal(31337)(16 * latentFrames * height * width),
      sigmas,
      positive: withTeaCache(reuse === "every second step" ? everySecond(model) : model, {
        steps,
        threshold: reuse === "no step" ? 0 : teaCacheThreshold,
      }),
      guidance: null,
      precision: "bfloat16",
    }, going);
    let begun = performance.now();
    for await (const { skipped } of run) {
      const now = performance.now();
      (skipped ? reused : computed).push((now - begun) / 1000);
      begun = now;
    }
  });
  return { seconds, preparedSeconds, computed, reused };
}

/** Compares as the model does, and then says in turns that nothing has changed and that everything has. */
function everySecond<Embedded, Residual>(
  model: CacheableModel<Embedded, Residual>,
): CacheableModel<Embedded, Residual> {
  let compared = 0;
  return {
    embed: (...step) => model.embed(...step),
    run: (...step) => model.run(...step),
    reuse: (...step) => model.reuse(...step),
    async change(...steps) {
      await model.change(...steps);
      return compared++ % 2;
    },
  };
}

/** The autoencoder of the benchmark's model as the engine has it. */
export async function openVae(
  bench: Bench,
  spatialTiles: SpatialTiles,
): Promise<{ readonly vae: Vae } & AsyncDisposable> {
  const { runtime, device, folder } = bench;
  const executables = stageExecutables(bench);
  const vae = await loadVae(join(folder, "vae"), executables, {
    spatialTiles,
    ...(device.kind === "cuda" && {
      computeDType: "float16",
      weights: (checkpoint) => new SharedWeights({ checkpoint, runtime, device, stay: "always" }),
    }),
  });
  return {
    vae,
    async [Symbol.asyncDispose]() {
      await vae[Symbol.asyncDispose]();
      await executables[Symbol.asyncDispose]();
    },
  };
}

export interface DecodedSection {
  readonly latentFrames: number;
  readonly seconds: number;
  /** With compiling, and the weights on their way. */
  readonly firstSeconds: number;
}

/** Two windows, as the inverted and the forward schedule decode them; twice. */
export async function decodeSection(vae: Vae, size: PictureSize): Promise<DecodedSection> {
  const { window: [windowLatentFrames, height, width] } = sectionShape(size);
  const latentFrames = 2 * windowLatentFrames;
  const latents = torchNormal(1)(16 * latentFrames * height * width);
  let run = 0;
  // Tiles that come again are not decoded again, so each run gets numbers of its own.
  const decode = () => {
    const shift = ++run * 1e-3;
    return vae.decode(latents.map((value) => value + shift), { height, width }, going);
  };
  const firstSeconds = await timed(decode);
  return { latentFrames, firstSeconds, seconds: await timed(decode) };
}
