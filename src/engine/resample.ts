/**
 * Resizing of 8-bit pictures, bit for bit as Pillow's `Image.resize` does it (libImaging `Resample.c`, 8 bits per
 * channel, Pillow 11): a horizontal then a vertical pass with fixed-point weights, each rounded and clipped to 8 bits.
 * @module
 */
import type { RgbImage } from "../video.ts";

/** A resampling kernel; `weight` is zero outside `[-support, support)`. */
export interface ResampleFilter {
  readonly support: number;
  weight(x: number): number;
}

/** Lanczos with a = 3 (Pillow `LANCZOS`). */
export const lanczos: ResampleFilter = {
  support: 3,
  weight: (x) => x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0,
};

/** Keys' cubic convolution with a = −0.5 (Pillow `BICUBIC`). */
export const bicubic: ResampleFilter = {
  support: 2,
  weight: (signed) => {
    const a = -0.5;
    const x = Math.abs(signed);
    if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
    if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
    return 0;
  },
};

/** The whole picture at another size; the aspect ratio is not kept. Smaller sizes are antialiased. */
export function resize(image: RgbImage, widthPx: number, heightPx: number, filter: ResampleFilter): RgbImage {
  const narrowed = widthPx === image.widthPx ? image : resampleRows(image, widthPx, filter);
  return heightPx === image.heightPx ? narrowed : resampleColumns(narrowed, heightPx, filter);
}

/**
 * The largest centred part of the picture with the target's aspect ratio, at the target's size (FramePack
 * `resize_and_center_crop`). An odd target whose
 * edges fall on half pixels comes out one pixel wider or narrower, as there.
 */
export function resizeAndCenterCrop(image: RgbImage, widthPx: number, heightPx: number): RgbImage {
  if (image.widthPx === widthPx && image.heightPx === heightPx) return image;
  const scale = Math.max(widthPx / image.widthPx, heightPx / image.heightPx);
  const resized = resize(image, roundHalfEven(image.widthPx * scale), roundHalfEven(image.heightPx * scale), lanczos);
  const left = roundHalfEven((resized.widthPx - widthPx) / 2);
  const right = roundHalfEven((resized.widthPx + widthPx) / 2);
  const top = roundHalfEven((resized.heightPx - heightPx) / 2);
  const bottom = roundHalfEven((resized.heightPx + heightPx) / 2);
  return crop(resized, left, top, right, bottom);
}

const channels = 3;
/** 32 bits of the accumulator, less 8 of a sample, less 2 for weights that sum to more than one on the way. */
const weightBits = 32 - 8 - 2;

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI);
}

/** For each output position the input samples it is made of: `weights[i]` belongs to sample `first + i`. */
interface Taps {
  readonly first: number;
  readonly weights: Int32Array;
}

function tapsOf(inputSize: number, outputSize: number, filter: ResampleFilter): Taps[] {
  const scale = inputSize / outputSize;
  const stretch = Math.max(scale, 1); // the kernel grows when the picture shrinks: antialiasing
  const support = filter.support * stretch;
  return Array.from({ length: outputSize }, (_, position) => {
    const center = (position + 0.5) * scale;
    const first = Math.max(0, Math.trunc(center - support + 0.5));
    const end = Math.min(inputSize, Math.trunc(center + support + 0.5));
    const kernel = Float64Array.from(
      { length: end - first },
      (_, tap) => filter.weight((tap + first - center + 0.5) * (1 / stretch)),
    );
    const sum = kernel.reduce((total, weight) => total + weight, 0);
    return { first, weights: Int32Array.from(kernel, (weight) => fixedPoint(weight / (sum || 1))) };
  });
}

const fixedPoint = (weight: number) => Math.trunc(weight * 2 ** weightBits + (weight < 0 ? -0.5 : 0.5));

function resampleRows(image: RgbImage, widthPx: number, filter: ResampleFilter): RgbImage {
  const { pixels: from, heightPx } = image;
  const taps = tapsOf(image.widthPx, widthPx, filter);
  const pixels = new Uint8ClampedArray(widthPx * heightPx * channels);
  for (let row = 0, to = 0; row < heightPx; row++) {
    const rowStart = row * image.widthPx * channels;
    for (const { first, weights } of taps) {
      let [red, green, blue] = [half, half, half];
      for (let tap = 0, at = rowStart + first * channels; tap < weights.length; tap++, at += channels) {
        const weight = weights[tap]!;
        red += from[at]! * weight;
        green += from[at + 1]! * weight;
        blue += from[at + 2]! * weight;
      }
      pixels[to++] = red >> weightBits;
      pixels[to++] = green >> weightBits;
      pixels[to++] = blue >> weightBits;
    }
  }
  return { widthPx, heightPx, pixels: new Uint8Array(pixels.buffer) };
}

function resampleColumns(image: RgbImage, heightPx: number, filter: ResampleFilter): RgbImage {
  const { pixels: from, widthPx } = image;
  const rowSamples = widthPx * channels;
  const pixels = new Uint8ClampedArray(heightPx * rowSamples);
  const sums = new Int32Array(rowSamples);
  for (const [row, { first, weights }] of tapsOf(image.heightPx, heightPx, filter).entries()) {
    sums.fill(half);
    for (let tap = 0; tap < weights.length; tap++) {
      const weight = weights[tap]!;
      const start = (first + tap) * rowSamples;
      for (let at = 0; at < rowSamples; at++) sums[at]! += from[start + at]! * weight;
    }
    for (let at = 0; at < rowSamples; at++) pixels[row * rowSamples + at] = sums[at]! >> weightBits;
  }
  return { widthPx, heightPx, pixels: new Uint8Array(pixels.buffer) };
}

/** What makes the final shift round to the nearest. */
const half = 1 << (weightBits - 1);

/** The part `[left, right) × [top, bottom)`, which may reach beyond the picture: there it is black (Pillow `crop`). */
function crop(image: RgbImage, left: number, top: number, right: number, bottom: number): RgbImage {
  const [widthPx, heightPx] = [right - left, bottom - top];
  const pixels = new Uint8Array(widthPx * heightPx * channels);
  const [from, to] = [Math.max(0, left), Math.min(right, image.widthPx)];
  for (let row = Math.max(0, top); row < Math.min(bottom, image.heightPx); row++) {
    const start = row * image.widthPx;
    const part = image.pixels.subarray((start + from) * channels, (start + to) * channels);
    pixels.set(part, ((row - top) * widthPx + from - left) * channels);
  }
  return { widthPx, heightPx, pixels };
}

/** Python's `round`: ties go to the even neighbour. */
function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  if (value - floor !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}
