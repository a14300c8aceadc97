/**
 * How fast the models are here, as far as that has been measured.
 * @module
 */
import { offeredSizes } from "../engine/mod.ts";
import type { FoundModel } from "./models.ts";

/** What a server measured: seconds per pass of the network and per decoded section. */
export interface Measured {
  readonly model: string;
  readonly device: string;
  readonly widthPx: number;
  readonly heightPx: number;
  readonly secondsPerStep: number;
  readonly secondsPerDecode: number;
}

export interface Speed {
  readonly model: string;
  readonly device: string | null;
  readonly widthPx: number;
  readonly heightPx: number;
  readonly steps: number;
  /** At the model's own steps and guidance, without TeaCache; null: not yet measured. */
  readonly secondsPerFrame: number | null;
}

export function speeds(models: readonly FoundModel[], measured: readonly Measured[]): Speed[] {
  return models.flatMap(({ id, manifest }): Speed[] => {
    const steps = manifest.defaultSteps;
    const ofModel = measured.filter(({ model }) => model === id);
    if (ofModel.length === 0) {
      const { widthPx, heightPx } = offeredSizes(manifest)[0]!;
      return [{ model: id, device: null, widthPx, heightPx, steps, secondsPerFrame: null }];
    }
    const passes = manifest.defaultCfg === 1 ? 1 : 2;
    const framesPerSection = 4 * manifest.latentWindowFrames;
    return ofModel.map(({ device, widthPx, heightPx, secondsPerStep, secondsPerDecode }) => ({
      ...{ model: id, device, widthPx, heightPx, steps },
      secondsPerFrame: (steps * passes * secondsPerStep + secondsPerDecode) / framesPerSection,
    }));
  });
}

export function speedLine({ model, device, widthPx, heightPx, steps, secondsPerFrame }: Speed): string {
  const what = `${model}, ${widthPx} × ${heightPx}, ${steps} steps`;
  return secondsPerFrame === null
    ? `${what}: not yet measured; the first video does it`
    : `${what}: ${secondsPerFrame.toPrecision(2)} s per frame on the ${device}`;
}
