/**
 * Golden cases of resizing and of the image encoder.
 * @module
 */
import type { RgbImage } from "../../video.ts";
import { loadImageEncoder } from "../image_encoder.ts";
import { siglipPixels } from "../pixels.ts";
import { resizeAndCenterCrop } from "../resample.ts";
import type { CaseOutputs } from "./compare.ts";
import type { GoldenCase, GoldenTensor } from "./golden_case.ts";
import type { ComponentRunner } from "./component.ts";
import { caseExecutables } from "./transformer_cases.ts";

export const imageCases: Readonly<Record<string, ComponentRunner>> = {
  "resize_center_crop": resizeCase,
  "image_encoder": siglipCase,
};

function resizeCase({ inputs, params }: GoldenCase): Promise<CaseOutputs> {
  const [width, height] = [params["target_width"] as number, params["target_height"] as number];
  const { widthPx, heightPx, pixels } = resizeAndCenterCrop(imageOf(inputs["image"]!), width, height);
  return Promise.resolve({ tensors: { image: { shape: [heightPx, widthPx, 3], data: pixels } } });
}

async function siglipCase({ modelDir, inputs }: GoldenCase): Promise<CaseOutputs> {
  using executables = caseExecutables();
  const encoder = await loadImageEncoder(modelDir!, executables);
  const image = imageOf(inputs["image"]!);
  const pixels = siglipPixels(image, encoder.source.preprocessing);
  const states = await encoder.encode(image, new AbortController().signal);
  return {
    tensors: {
      pixel_values: { shape: [1, ...pixels.shape], data: pixels.data },
      last_hidden_state: { shape: [1, ...states.shape], data: states.data },
    },
  };
}

/** uint8 [height, width, 3] */
export function imageOf({ shape: [heightPx, widthPx], data }: GoldenTensor): RgbImage {
  return { heightPx: heightPx!, widthPx: widthPx!, pixels: data as Uint8Array };
}
