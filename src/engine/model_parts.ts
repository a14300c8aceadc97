/**
 * What a model folder is made of: the files that the loaders read, part by part, in the Hugging Face layout.
 * @module
 */

/** Folders of a model, each with the files of one network or of one tokenizer. */
export const partNames = [
  "transformer",
  "vae",
  "text_encoder",
  "tokenizer",
  "text_encoder_2",
  "tokenizer_2",
  "image_encoder",
  "feature_extractor",
] as const;
export type PartName = (typeof partNames)[number];

/** Which files of a part are read; anything else in its folder is not. */
export interface ModelPart {
  /** Name of the weights without ending: `NAME.safetensors` or, in shards, `NAME.safetensors.index.json`. */
  readonly weights?: "diffusion_pytorch_model" | "model";
  /** Files that must be there. */
  readonly files: readonly string[];
  /** Groups of which one must be there; the first that is wins. */
  readonly oneOf?: readonly (readonly string[])[];
}

export const modelParts: Readonly<Record<PartName, ModelPart>> = Object.freeze({
  transformer: { weights: "diffusion_pytorch_model", files: ["config.json"] },
  vae: { weights: "diffusion_pytorch_model", files: ["config.json"] },
  text_encoder: { weights: "model", files: ["config.json"] },
  tokenizer: { files: ["tokenizer.json", "tokenizer_config.json"] },
  text_encoder_2: { weights: "model", files: ["config.json"] },
  tokenizer_2: { files: ["tokenizer_config.json"], oneOf: [["vocab.json", "merges.txt"], ["tokenizer.json"]] },
  image_encoder: { weights: "model", files: ["config.json"] },
  feature_extractor: { files: ["preprocessor_config.json"] },
});

/** Every file that a part must have; where there is a choice, the groups to choose from. */
export function neededFiles({ weights, files, oneOf }: ModelPart): readonly (readonly (readonly string[])[])[] {
  return [
    ...files.map((file) => [[file]]),
    ...weights ? [[[`${weights}.safetensors`], [`${weights}.safetensors.index.json`]]] : [],
    ...oneOf ? [oneOf] : [],
  ];
}
