/**
 * Prompt → CLIP's pooled state. FramePack 97fe5db, `encode_prompt_conds`.
 * @module
 */
import { join } from "node:path";
import { readConfig } from "./json_file.ts";
import { clipTextStates, pooledRow } from "./networks/clip.ts";
import { type ClipConfig, parseClipConfig } from "./networks/encoder_config.ts";
import type { ExecutableCache } from "./onnx/executable_cache.ts";
import { Graph } from "./onnx/graph.ts";
import { castTo, Module } from "./onnx/module.ts";
import type { Executable } from "./onnx/runtime.ts";
import { type Checkpoint, openCheckpoint } from "./onnx/safetensors.ts";
import { type DType, float32Tensor, type Tensor } from "./onnx/tensor.ts";
import { type ClipTokenizer, clipTokens, loadClipTokenizer } from "./tokenizers/clip.ts";

/** What its graph is built from. */
export interface ClipSource {
  readonly config: ClipConfig;
  readonly checkpoint: Checkpoint;
  readonly computeDType: DType;
}

/** CLIP's text tower and its tokenizer. */
export class ClipEncoder {
  constructor(
    readonly source: ClipSource,
    readonly tokenizer: ClipTokenizer,
    readonly executables: ExecutableCache,
  ) {}

  /** The state of every token `[77, hidden]`, and the one that stands for the prompt, `pooled` `[1, hidden]`. */
  async encode(
    prompt: string,
    signal: AbortSignal,
  ): Promise<{ states: Tensor<"float32">; pooled: Tensor<"float32"> }> {
    const ids = this.tokenizer.encode(prompt);
    await using _use = this.executables.use();
    const { states } = await (await this.#executable()).run({
      ids: { dtype: "int64", shape: [ids.length], data: BigInt64Array.from(ids, BigInt) },
    }, signal);
    const { hidden } = this.source.config;
    const data = states!.data as Float32Array;
    const row = pooledRow(ids, this.source.config);
    return {
      states: float32Tensor([ids.length, hidden], data),
      pooled: float32Tensor([1, hidden], data.slice(row * hidden, (row + 1) * hidden)),
    };
  }

  /** Compiles the graph. */
  async warm(): Promise<void> {
    await using _use = this.executables.use();
    await this.#executable();
  }

  #executable(): Promise<Executable> {
    return this.executables.get("text_encoder_2", () => clipGraph(this.source));
  }
}

/**
 * Reads `text_encoder_2/` and `tokenizer_2/` of a model folder.
 * @throws `CheckpointError`
 */
export async function loadClipEncoder(
  modelDir: string,
  executables: ExecutableCache,
  computeDType: DType = "float32",
): Promise<ClipEncoder> {
  const [config, checkpoint, tokenizer] = await Promise.all([
    readConfig(join(modelDir, "text_encoder_2", "config.json"), parseClipConfig),
    openCheckpoint(join(modelDir, "text_encoder_2")),
    loadClipTokenizer(join(modelDir, "tokenizer_2")),
  ]);
  return new ClipEncoder({ config, checkpoint, computeDType }, tokenizer, executables);
}

/** `ids` [77] int64 → `states` [77, hidden] */
function clipGraph({ config, checkpoint, computeDType }: ClipSource): Uint8Array<ArrayBuffer> {
  const graph = new Graph("text_encoder_2", computeDType);
  const m = new Module(graph, checkpoint);
  const ids = graph.input("ids", [clipTokens], "int64");
  graph.output("states", castTo(m, clipTextStates(m, config, ids), "float32"));
  return graph.build();
}
