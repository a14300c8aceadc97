/**
 * Golden cases of the autoencoder, whole and in tiles.
 * @module
 */
import { loadVae, picturePlanes, type Vae } from "../vae.ts";
import type { Volume } from "../vae_tiling.ts";
import type { CaseOutputs } from "./compare.ts";
import type { GoldenCase, GoldenTensor } from "./golden_case.ts";
import { imageOf } from "./image_cases.ts";
import type { ComponentRunner } from "./component.ts";
import { caseExecutables } from "./transformer_cases.ts";

export const vaeCases: Readonly<Record<string, ComponentRunner>> = {
  "vae_encode": (golden) => withVae(golden, encodeCase),
  "vae_decode": (golden) => withVae(golden, decodeCase),
};

async function withVae(
  golden: GoldenCase,
  run: (vae: Vae, golden: GoldenCase) => Promise<Record<string, GoldenTensor>>,
): Promise<CaseOutputs> {
  using executables = caseExecutables();
  const spatialTiles = golden.params["spatial_tiling"] ? "tiled" : "whole";
  return { tensors: await run(await loadVae(`${golden.modelDir}/vae`, executables, { spatialTiles }), golden) };
}

/** A picture (uint8) or a video [1, 3, frames, height, width] in [-1, 1]. */
async function encodeCase(vae: Vae, { inputs, outputs }: GoldenCase): Promise<Record<string, GoldenTensor>> {
  const pixels = inputs["image"] ? picturePlanes(imageOf(inputs["image"])) : volumeOf(inputs["pixels"]!);
  const moments = await vae.encode(pixels, new AbortController().signal);
  const [, frames, height, width] = moments.shape;
  const latent = { shape: [1, 16, frames, height, width], data: vae.latentsOf(moments) };
  return outputs["moments"] ? { latent, moments: { shape: [1, ...moments.shape], data: moments.data } } : { latent };
}

async function decodeCase(vae: Vae, { inputs }: GoldenCase): Promise<Record<string, GoldenTensor>> {
  const { data, shape: [, , height, width] } = volumeOf(inputs["latents"]!);
  const clip = await vae.decode(data, { height, width }, new AbortController().signal);
  return { pixels: { shape: [1, 3, clip.frames, clip.heightPx, clip.widthPx], data: clip.data } };
}

function volumeOf({ data, shape }: GoldenTensor): Volume {
  const [, channels, frames, height, width] = shape;
  return { data: data as Float32Array, shape: [channels!, frames!, height!, width!] };
}
