/**
 * How much video a second of work gives, by size, by the precision of the weights, and by whether steps are skipped: one
 * section sampled and decoded, after a warm one.
 * @module
 */
import { frameRate } from "../../src/engine/sampling/mod.ts";
import { type Measurement, median } from "../figure.ts";
import {
  allResident,
  type Bench,
  openTransformer,
  peakMemory,
  randomWeights,
  releaseWorkingMemory,
  takenBytes,
} from "./bench.ts";
import { parseSize, type PictureSize, sizesInOrder } from "./inputs.ts";
import { inEachPrecision } from "./precisions.ts";
import { type DecodedSection, decodeSection, frames, openVae, type Reuse, sampleSection } from "./sampled_section.ts";

/** The published resolution, half its pixels, and what is used below. */
export const tableSizes: readonly PictureSize[] = sizesInOrder(
  ["608x640", "480x480", "384x640", "320x576", "256x256"].map(parseSize),
);

const levers: readonly Reuse[] = ["no step", "every second step"];
const warmSteps = 3; // both kinds of steps come up

/** The sizes of `bench`, each under every precision and lever; a transformer is loaded once. */
export async function* table(bench: Bench): AsyncGenerator<Measurement> {
  const decoded = await decodedSections(bench);
  yield* inEachPrecision(bench.folder, async function* (precision, folder) {
    releaseWorkingMemory(bench);
    const beforeBytes = takenBytes(bench);
    await using loaded = await openTransformer(bench, allResident, { folder });
    for (const [size, decoding] of decoded) {
      const inputs = loaded.inputsOf(size);
      await loaded.transformer.warm(inputs.section.shape);
      await sampleSection(loaded, inputs, warmSteps, "every second step");
      for (const reuse of levers) {
        const { result: sampled, peakBytes } = await peakMemory(
          bench,
          () => sampleSection(loaded, inputs, bench.steps, reuse),
        );
        const { seconds: sampling, preparedSeconds, computed, reused } = sampled;
        yield {
          figure: `media seconds per second, ${nameOf(size)}, ${precision}${wordsOf[reuse]}`,
          value: frames / frameRate / (sampling + decoding.seconds),
          unit: "×",
          detail: {
            seconds: { sampling, decoding: decoding.seconds, prepared: preparedSeconds },
            steps: { computed: computed.length, reused: reused.length },
            secondsPerStep: { computed: median(computed), reused: reused.length > 0 ? median(reused) : null },
            memoryGigabytes: { sampling: (peakBytes - beforeBytes) / 1e9, decoding: decoding.memoryBytes / 1e9 },
            ...{ decodedInTiles: true, weights: randomWeights },
            ...(reuse === "no step"
              ? {}
              : { remark: "TeaCache skips what the weights of a model allow: here a fixed share" }),
          },
        };
      }
    }
  });
}

/** The transformer's weights have no part in it, so it is measured once. */
async function decodedSections(
  bench: Bench,
): Promise<readonly (readonly [PictureSize, DecodedSection & { readonly memoryBytes: number }])[]> {
  releaseWorkingMemory(bench);
  const beforeBytes = takenBytes(bench);
  await using opened = await openVae(bench, "tiled");
  const sections = [];
  for (const size of bench.sizes) {
    const { result, peakBytes } = await peakMemory(bench, () => decodeSection(opened.vae, size));
    sections.push([size, { ...result, memoryBytes: peakBytes - beforeBytes }] as const);
  }
  return sections;
}

const wordsOf: Readonly<Record<Reuse, string>> = {
  "no step": "",
  "TeaCache's choice": ", steps reused as TeaCache chooses",
  "every second step": ", every second step reused",
};

const nameOf = ({ widthPx, heightPx }: PictureSize) => `${widthPx} × ${heightPx}`;
