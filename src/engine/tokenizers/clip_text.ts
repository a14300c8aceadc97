/**
 * How CLIP's slow tokenizer cuts a prompt into words when ftfy is not installed: transformers 4.46.2
 * `PreTrainedTokenizer.tokenize`, `BasicTokenizer(strip_accents=False, do_split_on_punc=False)`, `CLIPTokenizer.pat`.
 * @module
 */

export const startOfText = "<|startoftext|>";
export const endOfText = "<|endoftext|>";

/** Words of a prompt in order; special tokens stand alone and are spelled as above. */
export function clipWords(prompt: string): string[] {
  return prompt.split(spelledSpecials).flatMap((piece) =>
    isSpecial(piece) ? [piece] : cleaned(piece).match(word) ?? []
  );
}

export function isSpecial(word: string): boolean {
  return word === startOfText || word === endOfText;
}

/** Before any cleaning, only the exact spelling is a special token. */
const spelledSpecials = /(<\|startoftext\|>|<\|endoftext\|>)/u;

/**
 * The original ignores case, which after lower-casing matters for two characters only: the long s counts as s, and
 * U+0345 (whose capital is the letter iota) is matched by nothing and vanishes.
 */
const word =
  /<\|[sſ]tartoftext\|>|<\|endoftext\|>|'(?:[sſ]|t|re|ve|m|ll|d)|\p{L}+|\p{N}|[^\p{White_Space}\p{L}\p{N}\u0345]+/gu;

/** Lower-case words with single spaces between. The order of the steps decides the result. */
function cleaned(text: string): string {
  return text
    .replace(dropped, "")
    .replace(/[\t\n\r\p{Zs}]/gu, " ")
    .replace(ideograph, " $& ")
    .normalize("NFC")
    .split(/\p{White_Space}+/u)
    .filter((part) => part !== "")
    .map((part) => part.toLowerCase())
    .join(" ");
}

/** U+FFFD and every control, format, surrogate, private-use and unassigned code point but tab, LF and CR. */
const dropped = /(?![\t\n\r])[\p{C}\uFFFD]/gu;

/** The CJK Unified Ideographs blocks that BERT's tokenizer knows: no kana, no hangul, nothing after Unicode 8. */
const ideograph =
  /[\u4E00-\u9FFF\u3400-\u4DBF\u{20000}-\u{2A6DF}\u{2A700}-\u{2B73F}\u{2B740}-\u{2B81F}\u{2B820}-\u{2CEAF}\uF900-\uFAFF\u{2F800}-\u{2FA1F}]/gu;
