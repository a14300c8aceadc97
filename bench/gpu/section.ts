/**
 * A whole section at the real size: every step, then the decoder over the section and the one before it.
 * @module
 */
import type { Measurement } from "../figure.ts";
import { allResident, type Bench, openTransformer, peakMemory, releaseWorkingMemory } from "./bench.ts";
import { decodeSection, frames, openVae, sampleSection } from "./sampled_section.ts";

export async function* section(bench: Bench): AsyncGenerator<Measurement> {
  {
    await using loaded = await openTransformer(bench, allResident);
    await loaded.transformer.warm(loaded.inputs.section.shape);
    for (const reuse of ["no step", "TeaCache's choice"] as const) {
      await sampleSection(loaded, loaded.inputs, 2, "no step"); // kernels are chosen, weights are there
      const { seconds, preparedSeconds, computed } = await sampleSection(loaded, loaded.inputs, bench.steps, reuse);
      yield {
        figure: `${bench.steps} steps ${reuse === "no step" ? "without" : "with"} TeaCache, per frame`,
        value: seconds / frames,
        unit: "s",
        detail: {
          ...{ seconds, preparedSeconds, computedSteps: computed.length },
          randomWeights: "what TeaCache skips depends on the model",
        },
      };
    }
  }
  yield* decoding(bench);
}

async function* decoding(bench: Bench): AsyncGenerator<Measurement> {
  for (const spatialTiles of ["tiled", "whole"] as const) {
    releaseWorkingMemory(bench);
    const { result: { latentFrames, ...result }, peakBytes, beforeBytes } = await peakMemory(bench, async () => {
      await using opened = await openVae(bench, spatialTiles);
      return await decodeSection(opened.vae, bench.size);
    });
    yield {
      figure: `decoding ${latentFrames} latent frames, ${spatialTiles}`,
      value: result.seconds,
      unit: "s",
      detail: { ...result, memoryGigabytes: (peakBytes - beforeBytes) / 1e9 },
    };
  }
}
