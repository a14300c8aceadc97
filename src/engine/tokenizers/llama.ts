/**
 * Prompt → token ids of the LLaMA text encoder.
 * @module
 */
import { Tokenizer } from "@huggingface/tokenizers";
import { CheckpointError } from "../errors.ts";
import { readJsonObject } from "../json_file.ts";
import type { PromptTemplate } from "./prompt_template.ts";
import { specialTokenId, specialTokenText } from "./special_tokens.ts";

/** Prompt tokens the text encoder reads, besides the template (FramePack `encode_prompt_conds`: `max_length=256`). */
export const promptTokensMax = 256;

/** A prompt inside its template, as the text encoder reads it. */
export interface LlamaPrompt {
  /** Begin-of-text, template, prompt and closing token, without padding; at most `lengthMax`. */
  readonly ids: readonly number[];
  /** The states of `ids[cropStart..]` are what the video network gets: the prompt and its closing token. */
  readonly cropStart: number;
  /** Longest sequence the encoder reads, `promptTokensMax + cropStart`; the reference pads to it with `padId`. */
  readonly lengthMax: number;
  readonly padId: number;
  /** Tokens of the prompt itself that are read … */
  readonly promptTokens: number;
  /** … and those that did not fit. */
  readonly promptTokensCut: number;
}

/** LLaMA-3 byte-level BPE as transformers' `LlamaTokenizerFast` runs it. */
export class LlamaTokenizer {
  readonly #tokenizer: Tokenizer;
  readonly #beginId: number;
  readonly padId: number;

  constructor(tokenizerJson: Record<string, unknown>, tokenizerConfig: Record<string, unknown>) {
    this.#tokenizer = new Tokenizer(tokenizerJson, tokenizerConfig);
    const idOf = (text: string) => this.#tokenizer.token_to_id(text);
    this.#beginId = specialTokenId(idOf, specialTokenText(tokenizerConfig, "bos_token"));
    this.padId = specialTokenId(idOf, specialTokenText(tokenizerConfig, "pad_token"));
  }

  /** Ids of a text, begin-of-text first, no end token. Special tokens spelled out in the text become their ids. */
  encode(text: string): number[] {
    // A lone surrogate has no UTF-8 form; it becomes U+FFFD here instead of deep inside the byte encoder.
    const { ids } = this.#tokenizer.encode(text.toWellFormed(), { add_special_tokens: false });
    return [this.#beginId, ...ids];
  }

  /** Fills the template and cuts on the right what is too long; a cut prompt loses its closing token. */
  encodePrompt(prompt: string, template: PromptTemplate): LlamaPrompt {
    const cropStart = this.encode(template.before).length;
    const closingTokens = this.encode(template.after).length - 1;
    const lengthMax = promptTokensMax + cropStart;
    const ids = this.encode(template.before + prompt + template.after);
    const promptTokens = ids.length - cropStart - closingTokens;
    return {
      ids: ids.slice(0, lengthMax),
      cropStart,
      lengthMax,
      padId: this.padId,
      promptTokens: Math.min(promptTokens, promptTokensMax),
      promptTokensCut: Math.max(0, promptTokens - promptTokensMax),
    };
  }
}

/**
 * Reads `tokenizer.json` and `tokenizer_config.json` of a folder.
 * @throws `CheckpointError` when a file is missing or not usable
 */
export async function loadLlamaTokenizer(directory: string): Promise<LlamaTokenizer> {
  const [tokenizerJson, tokenizerConfig] = await Promise.all([
    readJsonObject(`${directory}/tokenizer.json`),
    readJsonObject(`${directory}/tokenizer_config.json`),
  ]);
  try {
    return new LlamaTokenizer(tokenizerJson, tokenizerConfig);
  } catch (cause) {
    throw new CheckpointError(`Cannot use the tokenizer in "${directory}": ${(cause as Error).message}`, { cause });
  }
}
