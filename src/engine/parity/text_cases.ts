/**
 * Golden cases of the tokenizers and the text encoders.
 * @module
 */
import { loadClipEncoder } from "../clip_encoder.ts";
import { loadLlamaEncoder } from "../llama_encoder.ts";
import { pooledRow } from "../networks/clip.ts";
import { loadClipTokenizer } from "../tokenizers/clip.ts";
import { loadLlamaTokenizer } from "../tokenizers/llama.ts";
import { framePackTemplate } from "../tokenizers/prompt_template.ts";
import type { CaseOutputs } from "./compare.ts";
import type { GoldenCase } from "./golden_case.ts";
import type { ComponentRunner } from "./component.ts";
import { caseExecutables } from "./transformer_cases.ts";

export const textCases: Readonly<Record<string, ComponentRunner>> = {
  tokenizers: tokenizersCase,
  "text_encoder": llamaCase,
  "text_encoder_2": clipCase,
};

type Row = { readonly prompt: string } | { readonly text: string };

/** Three kinds: CLIP's ids of a prompt, LLaMA's ids of a prompt in its template, LLaMA's ids of a bare text. */
async function tokenizersCase({ modelDir, params, expect }: GoldenCase): Promise<CaseOutputs> {
  const rows = expect["rows"] as readonly Row[];
  const encode = "eos_id" in params
    ? await clipRow(`${modelDir}/tokenizer_2`)
    : await llamaRow(`${modelDir}/tokenizer`);
  return { expect: { rows: rows.map(encode) } };
}

/** Ids of a row, and what follows from them. */
type RowRunner = (row: Row) => Row;

async function clipRow(directory: string): Promise<RowRunner> {
  const tokenizer = await loadClipTokenizer(directory);
  return (row: Row) => {
    if (!("prompt" in row)) throw new TypeError("Cannot run a row without prompt");
    const ids = tokenizer.encode(row.prompt);
    return { ...row, ids, eos_position: pooledRow(ids, { endId: 2 }) };
  };
}

async function llamaRow(directory: string): Promise<RowRunner> {
  const tokenizer = await loadLlamaTokenizer(directory);
  return (row: Row) => {
    if ("text" in row) return { ...row, ids: tokenizer.encode(row.text) };
    const { ids, cropStart, lengthMax } = tokenizer.encodePrompt(row.prompt, framePackTemplate);
    return { ...row, ids, total_length: lengthMax, valid_length: ids.length, kept: ids.slice(cropStart) };
  };
}

/** The states of the kept rows; some cases also hold them as the reference pads them, with their mask. */
async function llamaCase({ modelDir, params }: GoldenCase): Promise<CaseOutputs> {
  using executables = caseExecutables();
  const encoder = await loadLlamaEncoder(modelDir!, framePackTemplate, executables);
  const { states } = await encoder.encode(params["prompt"] as string, new AbortController().signal);
  const [tokens, hidden] = states.shape as [number, number];
  const padLength = params["pad_length"] as number;
  const padded = new Float32Array(padLength * hidden);
  padded.set(states.data);
  return {
    tensors: {
      llama_vec: { shape: [1, tokens, hidden], data: states.data },
      padded: { shape: [1, padLength, hidden], data: padded },
      mask: { shape: [1, padLength], data: new Uint8Array(padLength).fill(1, 0, tokens) },
    },
  };
}

async function clipCase({ modelDir, params }: GoldenCase): Promise<CaseOutputs> {
  using executables = caseExecutables();
  const encoder = await loadClipEncoder(modelDir!, executables);
  const { states, pooled } = await encoder.encode(params["prompt"] as string, new AbortController().signal);
  return { tensors: { pooled, last_hidden_state: { shape: [1, ...states.shape], data: states.data } } };
}
