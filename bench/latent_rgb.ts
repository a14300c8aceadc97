/**
 * Fits the linear map from a model's latents to colours that its previews are made with, and prints it as `latent_rgb` of
 * `framecast.json`, after the share of the variance that it explains in clips it was not fitted to.
 *
 *     deno run --allow-read --allow-ffi --allow-env --allow-sys=systemMemoryInfo bench/latent_rgb.ts [MODEL_FOLDER]
 *
 * Least squares over clips of the model's example pictures, moved and scaled, their colours exchanged: what the encoder
 * makes of a clip against the mean colour of the 4 frames of 8 × 8 pixels that each latent stands for (1 frame for the
 * first). Every other example is kept for the judgement. The same folder gives the same numbers.
 * @module
 */
import { readManifest } from "../src/engine/mod.ts";
import { loadModel } from "../src/engine/model.ts";
import { openRuntime } from "../src/engine/onnx/runtime.ts";
import { torchNormal } from "../src/engine/sampling/mod.ts";
import type { Vae } from "../src/engine/vae.ts";
import type { Volume } from "../src/engine/vae_tiling.ts";
import { coverImage, decodeImage } from "../src/image.ts";
import type { RgbImage } from "../src/video.ts";
import { embeddedModelDir } from "./embedded_model.ts";

/** One latent pixel: its 16 channels and a 1, and the colour it stands for, from 0 to 1. */
interface Sample {
  readonly features: Float64Array;
  readonly rgb: readonly number[];
}

/** One tile of the encoder: 5 latent frames. */
const clipFrames = 17;
const colourOrders = [[0, 1, 2], [1, 2, 0], [2, 0, 1], [0, 2, 1], [1, 0, 2], [2, 1, 0]];
const channels = 16;
const signal = new AbortController().signal;

/** The clips of each example picture, as samples. */
async function samplesOf(modelDir: string): Promise<Sample[][]> {
  const manifest = await readManifest(modelDir);
  const size = manifest.fixedSize ?? { widthPx: 256, heightPx: 256 };
  using runtime = openRuntime();
  await using model = await loadModel(modelDir, runtime, { device: { kind: "cpu" } });
  const normal = torchNormal(1);
  const examples: Sample[][] = [];
  for (const { image } of manifest.examples) {
    const picture = await coverImage(await decodeImage(await Deno.readFile(`${modelDir}/${image}`)), size);
    const samples: Sample[] = [];
    for (const order of colourOrders) {
      samples.push(...await samplesOfClip(model.vae, movingClip(picture, order, normal(16))));
    }
    examples.push(samples);
  }
  return examples;
}

/** The picture under a growing shift and zoom, edges continued, `[3, 17, heightPx, widthPx]` in [-1, 1]. */
function movingClip(picture: RgbImage, colourOrder: readonly number[], random: Float32Array): Volume {
  const { widthPx, heightPx } = picture;
  const data = new Float32Array(3 * clipFrames * heightPx * widthPx);
  const [zoom, growth, x, xMove, y, yMove] = random as unknown as number[];
  for (let frame = 0; frame < clipFrames; frame++) {
    const phase = frame / (clipFrames - 1);
    const place = {
      scale: Math.exp(0.15 * zoom! + 0.25 * growth! * phase),
      leftPx: (0.06 * x! + 0.19 * xMove! * phase) * widthPx,
      topPx: (0.06 * y! + 0.19 * yMove! * phase) * heightPx,
    };
    for (let plane = 0; plane < 3; plane++) {
      const to = (plane * clipFrames + frame) * heightPx * widthPx;
      drawPlane(data.subarray(to, to + heightPx * widthPx), picture, colourOrder[plane]!, place);
    }
  }
  return { data, shape: [3, clipFrames, heightPx, widthPx] };
}

interface PlaceOfPicture {
  /** About the centre. */
  readonly scale: number;
  readonly leftPx: number;
  readonly topPx: number;
}

function drawPlane(
  plane: Float32Array,
  { widthPx, heightPx, pixels }: RgbImage,
  colour: number,
  { scale, leftPx, topPx }: PlaceOfPicture,
): void {
  const source = (at: number, sizePx: number, shiftPx: number) => {
    const centre = (sizePx - 1) / 2;
    return Math.min(Math.max((at - centre - shiftPx) / scale + centre, 0), sizePx - 1);
  };
  for (let row = 0; row < heightPx; row++) {
    const y = source(row, heightPx, topPx);
    const top = Math.min(Math.floor(y), heightPx - 2);
    for (let column = 0; column < widthPx; column++) {
      const x = source(column, widthPx, leftPx);
      const left = Math.min(Math.floor(x), widthPx - 2);
      const pixel = (dx: number, dy: number) => pixels[((top + dy) * widthPx + left + dx) * 3 + colour]!;
      const upper = pixel(0, 0) + (x - left) * (pixel(1, 0) - pixel(0, 0));
      const lower = pixel(0, 1) + (x - left) * (pixel(1, 1) - pixel(0, 1));
      plane[row * widthPx + column] = (upper + (y - top) * (lower - upper)) / 127.5 - 1;
    }
  }
}

async function samplesOfClip(vae: Vae, clip: Volume): Promise<Sample[]> {
  const moments = await vae.encode(clip, signal);
  const latents = vae.latentsOf(moments);
  const [, frames, height, width] = moments.shape;
  const count = frames * height * width;
  return Array.from({ length: count }, (_, at) => {
    const features = new Float64Array(channels + 1).fill(1);
    for (let channel = 0; channel < channels; channel++) features[channel] = latents[channel * count + at]!;
    const frame = Math.floor(at / (height * width));
    const place = { row: Math.floor(at / width) % height, column: at % width };
    return { features, rgb: [0, 1, 2].map((plane) => meanOf(clip, plane, frame, place)) };
  });
}

/** Mean from 0 to 1 of what one latent pixel stands for: 8 × 8 pixels of 4 frames, of 1 in the first latent frame. */
function meanOf(
  { data, shape: [, frames, heightPx, widthPx] }: Volume,
  plane: number,
  latentFrame: number,
  { row, column }: { readonly row: number; readonly column: number },
): number {
  let sum = 0;
  const first = Math.max(0, 4 * latentFrame - 3);
  for (let frame = first; frame <= 4 * latentFrame; frame++) {
    for (let y = row * 8; y < row * 8 + 8; y++) {
      const from = ((plane * frames + frame) * heightPx + y) * widthPx + column * 8;
      for (let i = from; i < from + 8; i++) sum += data[i]!;
    }
  }
  return (sum / (4 * latentFrame + 1 - first) / 64 + 1) / 2;
}

/** Weights `[17][3]` of least squared error: the normal equations (XᵀX) W = XᵀY, by Gauss–Jordan elimination with pivots. */
function leastSquares(samples: readonly Sample[]): number[][] {
  const size = channels + 1;
  const rows = Array.from({ length: size }, () => new Array<number>(size + 3).fill(0));
  for (const { features, rgb } of samples) {
    for (let i = 0; i < size; i++) {
      for (let j = 0; j < size; j++) rows[i]![j]! += features[i]! * features[j]!;
      for (let colour = 0; colour < 3; colour++) rows[i]![size + colour]! += features[i]! * rgb[colour]!;
    }
  }
  for (let i = 0; i < size; i++) {
    const rest = rows.slice(i).map((row) => Math.abs(row[i]!));
    const pivot = i + rest.indexOf(Math.max(...rest));
    [rows[i], rows[pivot]] = [rows[pivot]!, rows[i]!];
    const divisor = rows[i]![i]!;
    rows[i] = rows[i]!.map((value) => value / divisor);
    for (let k = 0; k < size; k++) {
      const factor = rows[k]![i]!;
      if (k !== i) rows[k] = rows[k]!.map((value, j) => value - factor * rows[i]![j]!);
    }
  }
  return rows.map((row) => row.slice(size));
}

/** R² = 1 − Σ (y − ŷ)² / Σ (y − ȳ)², per colour. */
function explainedVariance(samples: readonly Sample[], weights: readonly number[][]): number[] {
  return [0, 1, 2].map((colour) => {
    const mean = samples.reduce((sum, { rgb }) => sum + rgb[colour]!, 0) / samples.length;
    let error = 0;
    let variance = 0;
    for (const { features, rgb } of samples) {
      const estimate = weights.reduce((sum, row, i) => sum + features[i]! * row[colour]!, 0);
      error += (rgb[colour]! - estimate) ** 2;
      variance += (rgb[colour]! - mean) ** 2;
    }
    return 1 - error / variance;
  });
}

if (import.meta.main) {
  const examples = await samplesOf(Deno.args[0] ?? embeddedModelDir);
  const weights = leastSquares(examples.filter((_, i) => i % 2 === 0).flat())
    .map((row) => row.map((weight) => Number(weight.toFixed(4))));
  const judged = examples.filter((_, i) => i % 2 === 1).flat();
  const [red, green, blue] = explainedVariance(judged, weights).map((share) => share.toFixed(3));
  const rows = weights.map((row) => `[${row.join(", ")}]`);
  const text = `R² ${red} red, ${green} green, ${blue} blue, over ${judged.length} latent pixels of other pictures
  "latent_rgb": {
    "factors": [
      ${rows.slice(0, channels).join(",\n      ")}
    ],
    "bias": ${rows[channels]}
  },
`;
  await Deno.stdout.write(new TextEncoder().encode(text));
}
