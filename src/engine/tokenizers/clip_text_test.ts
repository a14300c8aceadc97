import assert from "node:assert/strict";
import { clipWords } from "./clip_text.ts";

const cases: readonly [criterion: string, prompt: string, words: string[]][] = [
  ["finds nothing in an empty prompt", "", []],
  ["lower-cases and drops white space", "UPPER\t lower\r\n\nMiXeD ", ["upper", "lower", "mixed"]],
  ["separates contractions", "it's we'll I'M 's", ["it", "'s", "we", "'ll", "i", "'m", "'s"]],
  ["takes the long s for an s in a contraction", "a'ſ", ["a", "'ſ"]],
  ["takes digits one by one and runs of signs whole", "3.14!!", ["3", ".", "1", "4", "!!"]],
  ["lets every CJK ideograph stand alone, not kana or hangul", "世界hello カナ 한국", [
    "世",
    "界",
    "hello",
    "カナ",
    "한국",
  ]],
  ["composes before it cuts", "cafe\u0301", ["café"]],
  ["keeps a combining mark apart that has no composed form", "x\u0305y", ["x", "\u0305", "y"]],
  ["drops U+0345, which the reference's pattern cannot match", "a\u0345b", ["a", "b"]],
  ["drops control, format and private-use characters inside a word", "a\u200bb\u0007c\ufeffd\ue000e", ["abcde"]],
  ["joins an emoji sequence whose joiner it dropped", "👩\u200d🚀", ["👩🚀"]],
  ["cuts at a no-break and an ideographic space", "a\u00a0b\u3000c", ["a", "b", "c"]],
  ["cuts at a line separator", "a\u2028b", ["a", "b"]],
  ["keeps a spelled special token", "a<|endoftext|>b", ["a", "<|endoftext|>", "b"]],
  ["finds a special token in other case", "<|ENDOFTEXT|>", ["<|endoftext|>"]],
  ["finds a special token that cleaning uncovers", "<|endof\u200btext|>", ["<|endoftext|>"]],
  ["cleans the two sides of a special token separately", "e<|endoftext|>\u0301", ["e", "<|endoftext|>", "\u0301"]],
  ["ends a Greek word with the final sigma", "ΟΔΟΣ", ["οδος"]],
];

for (const [criterion, prompt, words] of cases) {
  Deno.test(`clipWords() ${criterion}`, () => assert.deepEqual(clipWords(prompt), words));
}
