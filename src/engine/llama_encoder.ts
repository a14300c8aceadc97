/**
 * Prompt → the LLaMA states that the video transformer reads. FramePack 97fe5db, `encode_prompt_conds`.
 * @module
 */
import { join } from "node:path";
import { readConfig } from "./json_file.ts";
import { type LlamaConfig, parseLlamaConfig } from "./networks/encoder_config.ts";
import { llamaGraph, type LlamaSource } from "./llama_graphs.ts";
import { llamaRotaryTable } from "./networks/llama.ts";
import type { ExecutableCache } from "./onnx/executable_cache.ts";
import { encodeModel } from "./onnx/model_proto.ts";
import type { Executable } from "./onnx/runtime.ts";
import { openCheckpoint } from "./onnx/safetensors.ts";
import { type DType, float32Tensor, type Tensor } from "./onnx/tensor.ts";
import { type LlamaTokenizer, loadLlamaTokenizer } from "./tokenizers/llama.ts";
import type { PromptTemplate } from "./tokenizers/prompt_template.ts";

/** Rotations of positions 0, 1, … `[tokens, headDim / 2]` */
export type LlamaRotations = Readonly<Record<"cos" | "sin", Tensor<"float32">>>;

/** The network, however it is run. */
export interface LlamaNetwork {
  /** @returns `[tokens, hidden]` */
  states(ids: readonly number[], rotations: LlamaRotations, signal: AbortSignal): Promise<Tensor<"float32">>;
  /** Compiles its graphs; they serve prompts of every length. */
  warm(): Promise<void>;
}

/** A LLaMA and its tokenizer. */
export class LlamaEncoder {
  constructor(
    readonly config: LlamaConfig,
    readonly tokenizer: LlamaTokenizer,
    readonly template: PromptTemplate,
    readonly network: LlamaNetwork,
  ) {}

  /** States of the prompt and its closing token `[1 … 256, hidden]`, the template's own left out. */
  async encode(
    prompt: string,
    signal: AbortSignal,
  ): Promise<{ states: Tensor<"float32">; promptTokens: number; promptTokensCut: number }> {
    const { ids, cropStart, promptTokens, promptTokensCut } = this.tokenizer.encodePrompt(prompt, this.template);
    const { hidden, headDim } = this.config;
    const { cos, sin } = llamaRotaryTable(this.config, ids.length);
    const { data } = await this.network.states(ids, {
      cos: float32Tensor([ids.length, headDim / 2], cos),
      sin: float32Tensor([ids.length, headDim / 2], sin),
    }, signal);
    const kept = data.slice(cropStart * hidden);
    return { states: float32Tensor([ids.length - cropStart, hidden], kept), promptTokens, promptTokensCut };
  }

  /** Compiles the network. */
  async warm(): Promise<void> {
    await this.network.warm();
  }
}

/** All of it as one graph. */
class WholeLlama implements LlamaNetwork {
  constructor(readonly source: LlamaSource, readonly executables: ExecutableCache) {}

  async states(ids: readonly number[], rotations: LlamaRotations, signal: AbortSignal): Promise<Tensor<"float32">> {
    await using _use = this.executables.use();
    const network = await this.#executable();
    const { states } = await network.run({
      ids: { dtype: "int64", shape: [ids.length], data: BigInt64Array.from(ids, BigInt) },
      ...rotations,
    }, signal);
    return states as Tensor<"float32">;
  }

  async warm(): Promise<void> {
    await using _use = this.executables.use();
    await this.#executable();
  }

  #executable(): Promise<Executable> {
    return this.executables.get("text_encoder", () => encodeModel(llamaGraph(this.source)));
  }
}

export interface LlamaOptions {
  /** Default `float32`. */
  readonly computeDType?: DType | undefined;
  /** Runs it in another way than as one graph. */
  readonly network?: ((source: LlamaSource) => LlamaNetwork) | undefined;
}

/**
 * Reads `text_encoder/` and `tokenizer/` of a model folder.
 * @throws `CheckpointError`
 */
export async function loadLlamaEncoder(
  modelDir: string,
  template: PromptTemplate,
  executables: ExecutableCache,
  { computeDType = "float32", network = (source) => new WholeLlama(source, executables) }: LlamaOptions = {},
): Promise<LlamaEncoder> {
  const [config, checkpoint, tokenizer] = await Promise.all([
    readConfig(join(modelDir, "text_encoder", "config.json"), parseLlamaConfig),
    openCheckpoint(join(modelDir, "text_encoder")),
    loadLlamaTokenizer(join(modelDir, "tokenizer")),
  ]);
  return new LlamaEncoder(config, tokenizer, template, network({ config, checkpoint, computeDType }));
}
