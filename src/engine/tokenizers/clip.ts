/**
 * Prompt → token ids of the CLIP text encoder, equal to transformers' slow `CLIPTokenizer` without ftfy (4.46.2), which
 * is what FramePack runs.
 * @module
 */
import { BPE, ByteLevelPreTokenizer } from "@huggingface/tokenizers";
import { CheckpointError } from "../errors.ts";
import { readJsonObject } from "../json_file.ts";
import { clipWords, endOfText, isSpecial, startOfText } from "./clip_text.ts";
import { specialTokenId, specialTokenText } from "./special_tokens.ts";

/** Tokens CLIP reads, begin and end included (FramePack `encode_prompt_conds`: `max_length=77`). */
export const clipTokens = 77;

/** Byte-level BPE vocabulary whose words end in `</w>`; best merge first. */
export interface ClipVocabulary {
  readonly vocab: Record<string, number>;
  readonly merges: [string, string][];
}

/** Turns a raw prompt, without any template, into a fixed number of ids. */
export class ClipTokenizer {
  readonly #vocab: ReadonlyMap<string, number>;
  readonly #bytes = new ByteLevelPreTokenizer({ type: "ByteLevel", add_prefix_space: false, use_regex: false });
  readonly #bpe: BPE;
  readonly #beginId: number;
  readonly #endId: number;
  readonly #padId: number;
  readonly #unknownId: number;

  constructor({ vocab, merges }: ClipVocabulary, tokenizerConfig: Record<string, unknown>) {
    this.#vocab = new Map(Object.entries(vocab));
    const idOf = (text: string) => specialTokenId((text) => this.#vocab.get(text), text);
    const unknown = specialTokenText(tokenizerConfig, "unk_token");
    this.#beginId = idOf(startOfText);
    this.#endId = idOf(endOfText);
    this.#padId = idOf(specialTokenText(tokenizerConfig, "pad_token"));
    this.#unknownId = idOf(unknown);
    this.#bpe = new BPE({
      type: "BPE",
      vocab,
      merges,
      unk_token: unknown,
      end_of_word_suffix: "</w>",
      ignore_merges: false,
    });
  }

  /** Exactly `clipTokens` ids: begin, at most 75 of the prompt, end, padding. */
  encode(prompt: string): number[] {
    const words = clipWords(prompt.toWellFormed()).flatMap((word) => this.#symbols(word));
    const ids = words.slice(0, clipTokens - 2).map((symbol) => this.#vocab.get(symbol) ?? this.#unknownId);
    const padding = Array<number>(clipTokens - 2 - ids.length).fill(this.#padId);
    return [this.#beginId, ...ids, this.#endId, ...padding];
  }

  #symbols(word: string): string[] {
    return isSpecial(word) ? [word] : this.#bpe.encode(this.#bytes.pre_tokenize([word]));
  }
}

/**
 * Reads `vocab.json` and `merges.txt` of a folder, or `tokenizer.json` where they are absent, and
 * `tokenizer_config.json`.
 * @throws `CheckpointError` when a file is missing or not usable
 */
export async function loadClipTokenizer(directory: string): Promise<ClipTokenizer> {
  const tokenizerConfig = await readJsonObject(`${directory}/tokenizer_config.json`);
  const merges = await readMergesText(`${directory}/merges.txt`);
  const model = merges === undefined
    ? (await readJsonObject(`${directory}/tokenizer.json`)).model as Partial<ClipVocabulary> | undefined
    : { vocab: await readJsonObject(`${directory}/vocab.json`), merges };
  try {
    return new ClipTokenizer(parseVocabulary(model ?? {}), tokenizerConfig);
  } catch (cause) {
    throw new CheckpointError(`Cannot use the tokenizer in "${directory}": ${(cause as Error).message}`, { cause });
  }
}

/** Merges beyond these would have no place in CLIP's 49,408 ids: 256 bytes twice, two special tokens. */
const mergesMax = 49_152 - 256 - 2;

async function readMergesText(path: string): Promise<string[] | undefined> {
  try {
    return (await Deno.readTextFile(path)).trim().split("\n").slice(1, mergesMax + 1); // the first line is a version
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return undefined;
    throw new CheckpointError(`Cannot read "${path}": ${cause}`, { cause });
  }
}

function parseVocabulary({ vocab, merges }: { vocab?: unknown; merges?: unknown }): ClipVocabulary {
  if (typeof vocab !== "object" || vocab === null) throw new TypeError("it has no vocabulary");
  if (!Array.isArray(merges)) throw new TypeError("it has no list of merges");
  return { vocab: vocab as Record<string, number>, merges: merges.map(parseMerge) };
}

/** `"a b"` in `merges.txt` and older `tokenizer.json` files, `["a", "b"]` in newer ones. */
function parseMerge(merge: unknown): [string, string] {
  const [first, second, more] = Array.isArray(merge) ? merge : String(merge).trim().split(" ");
  if (typeof first !== "string" || typeof second !== "string" || more !== undefined) {
    throw new TypeError(`it has the merge "${merge}", which is not a pair`);
  }
  return [first, second];
}
