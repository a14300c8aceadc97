/**
 * The encoders of prompt and picture: LLaMA and CLIP read the one, SigLIP sees the other. FramePack 97fe5db,
 * `encode_prompt_conds`, `hf_clip_vision_encode`.
 * @module
 */
import { loadClipEncoder } from "./clip_encoder.ts";
import { type LlamaOptions, loadLlamaEncoder } from "./llama_encoder.ts";
import type { Manifest } from "./manifest.ts";
import type { ExecutableCache } from "./onnx/executable_cache.ts";
import type { Tensor } from "./onnx/tensor.ts";
import { framePackTemplate, parsePromptTemplate } from "./tokenizers/prompt_template.ts";

export { type ImageEncoder, loadImageEncoder } from "./image_encoder.ts";

/** What a prompt becomes. */
export interface EncodedPrompt {
  /** LLaMA's states of the prompt and the token that closes it `[1 … 256, textDim]` */
  readonly states: Tensor<"float32">;
  /** CLIP's state of the whole prompt `[1, pooledDim]` */
  readonly pooled: Tensor<"float32">;
  /** Tokens of the prompt that LLaMA reads, and those that did not fit. */
  readonly promptTokens: number;
  readonly promptTokensCut: number;
}

/** Prompts → what the video transformer reads of them. */
export interface TextEncoder {
  /** @throws `InferenceError`; the signal's reason when stopped */
  encode(prompt: string, signal: AbortSignal): Promise<EncodedPrompt>;
  /** Compiles the graphs. */
  warm(): Promise<void>;
}

export interface TextEncoderOptions extends LlamaOptions {
  /** Default: LLaMA's. */
  readonly clipExecutables?: ExecutableCache | undefined;
}

/**
 * Reads `tokenizer/`, `text_encoder/` (LLaMA), `tokenizer_2/` and `text_encoder_2/` (CLIP) of a model folder.
 * @throws `CheckpointError`
 */
export async function loadTextEncoder(
  modelDir: string,
  { promptTemplate }: Pick<Manifest, "promptTemplate">,
  executables: ExecutableCache,
  { clipExecutables = executables, ...options }: TextEncoderOptions = {},
): Promise<TextEncoder> {
  const template = promptTemplate === undefined ? framePackTemplate : parsePromptTemplate(promptTemplate);
  const [llama, clip] = await Promise.all([
    loadLlamaEncoder(modelDir, template, executables, options),
    loadClipEncoder(modelDir, clipExecutables, options.computeDType),
  ]);
  return {
    encode: async (prompt, signal) => {
      const { states, promptTokens, promptTokensCut } = await llama.encode(prompt, signal);
      const { pooled } = await clip.encode(prompt, signal);
      return { states, pooled, promptTokens, promptTokensCut };
    },
    warm: async () => {
      await llama.warm();
      await clip.warm();
    },
  };
}
