/**
 * Prompt → the LLaMA states that the video transformer reads. FramePack 97fe5db, `encode_prompt_conds`.
 * @module
 */
import { join } from "node:path";
import { readConfig } from "./json_file.ts";
import { type LlamaConfig, parseLlamaConfig } from "./networks/encoder_config.ts";
import { llamaRotaryTable, llamaStates } from "./networks/llama.ts";
import type { ExecutableCache } from "./onnx/executable_cache.ts";
import { castTo, Graph, Module } from "./onnx/graph.ts";
import type { Executable } from "./onnx/runtime.ts";
import { type Checkpoint, openCheckpoint } from "./onnx/safetensors.ts";
import { type DType, float32Tensor, type Tensor } from "./onnx/tensor.ts";
import { type LlamaTokenizer, loadLlamaTokenizer } from "./tokenizers/llama.ts";
import type { PromptTemplate } from "./tokenizers/prompt_template.ts";

/** What its graph is built from. */
export interface LlamaSource {
  readonly config: LlamaConfig;
  readonly checkpoint: Checkpoint;
  readonly computeDType: DType;
}

/** A LLaMA and its tokenizer. */
export class LlamaEncoder {
  constructor(
    readonly source: LlamaSource,
    readonly tokenizer: LlamaTokenizer,
    readonly template: PromptTemplate,
    readonly executables: ExecutableCache,
  ) {}

  /** States of the prompt and its closing token `[1 … 256, hidden]`, the template's own left out. */
  async encode(
    prompt: string,
    signal: AbortSignal,
  ): Promise<{ states: Tensor<"float32">; promptTokens: number; promptTokensCut: number }> {
    const { ids, cropStart, promptTokens, promptTokensCut } = this.tokenizer.encodePrompt(prompt, this.template);
    const { hidden, headDim } = this.source.config;
    const { cos, sin } = llamaRotaryTable(this.source.config, ids.length);
    await using _use = this.executables.use();
    const { states } = await (await this.#executable()).run({
      ids: { dtype: "int64", shape: [ids.length], data: BigInt64Array.from(ids, BigInt) },
      cos: float32Tensor([ids.length, headDim / 2], cos),
      sin: float32Tensor([ids.length, headDim / 2], sin),
    }, signal);
    const kept = (states!.data as Float32Array).slice(cropStart * hidden);
    return { states: float32Tensor([ids.length - cropStart, hidden], kept), promptTokens, promptTokensCut };
  }

  /** Compiles the graph; it serves prompts of every length. */
  async warm(): Promise<void> {
    await using _use = this.executables.use();
    await this.#executable();
  }

  #executable(): Promise<Executable> {
    return this.executables.get("text_encoder", () => llamaGraph(this.source));
  }
}

/**
 * Reads `text_encoder/` and `tokenizer/` of a model folder.
 * @throws `CheckpointError`
 */
export async function loadLlamaEncoder(
  modelDir: string,
  template: PromptTemplate,
  executables: ExecutableCache,
  computeDType: DType = "float32",
): Promise<LlamaEncoder> {
  const [config, checkpoint, tokenizer] = await Promise.all([
    readConfig(join(modelDir, "text_encoder", "config.json"), parseLlamaConfig),
    openCheckpoint(join(modelDir, "text_encoder")),
    loadLlamaTokenizer(join(modelDir, "tokenizer")),
  ]);
  return new LlamaEncoder({ config, checkpoint, computeDType }, tokenizer, template, executables);
}

/** `ids` [tokens] int64, `cos`, `sin` [tokens, headDim/2] → `states` [tokens, hidden] */
function llamaGraph({ config, checkpoint, computeDType }: LlamaSource): Uint8Array<ArrayBuffer> {
  const graph = new Graph("text_encoder", computeDType);
  const m = new Module(graph, checkpoint);
  const ids = graph.input("ids", ["tokens"], "int64");
  const rope = {
    cos: graph.input("cos", ["tokens", config.headDim / 2], "float32"),
    sin: graph.input("sin", ["tokens", config.headDim / 2], "float32"),
  };
  graph.output("states", castTo(m, llamaStates(m, config, ids, rope), "float32"));
  return graph.build();
}
