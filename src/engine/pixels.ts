/**
 * Pictures as the image encoder wants them: planes of float32.
 * @module
 */
import type { RgbImage } from "../video.ts";
import type { ImagePreprocessing } from "./networks/encoder_config.ts";
import { float32Tensor, type Tensor } from "./onnx/tensor.ts";
import { bicubic, resize } from "./resample.ts";

const round = Math.fround;

/** The picture at SigLIP's size, normalized → `[3, heightPx, widthPx]`. transformers `SiglipImageProcessor`. */
export function siglipPixels(image: RgbImage, preprocessing: ImagePreprocessing): Tensor<"float32"> {
  const { widthPx, heightPx, rescaleFactor, mean, std } = preprocessing;
  const normalize = (sample: number, channel: number) =>
    round(round(round(sample * rescaleFactor) - round(mean[channel]!)) / round(std[channel]!));
  return planes(resize(image, widthPx, heightPx, bicubic), normalize);
}

function planes(
  { widthPx, heightPx, pixels }: RgbImage,
  normalize: (sample: number, channel: number) => number,
): Tensor<"float32"> {
  const plane = widthPx * heightPx;
  const data = new Float32Array(3 * plane);
  for (let channel = 0; channel < 3; channel++) {
    const values = Float32Array.from({ length: 256 }, (_, sample) => normalize(sample, channel));
    for (let at = 0; at < plane; at++) data[channel * plane + at] = values[pixels[at * 3 + channel]!]!;
  }
  return float32Tensor([3, heightPx, widthPx], data);
}
