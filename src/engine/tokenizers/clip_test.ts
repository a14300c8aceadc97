// deno-lint-ignore-file camelcase -- the field names are Hugging Face files'
import assert from "node:assert/strict";
import { ClipTokenizer, clipTokens, loadClipTokenizer } from "./clip.ts";
import { CheckpointError } from "../errors.ts";

const symbols = [
  "a",
  "b",
  "c",
  "a</w>",
  "b</w>",
  "c</w>",
  "ab",
  "ab</w>",
  "abc</w>",
  "<|startoftext|>",
  "<|endoftext|>",
];
const vocab = Object.fromEntries(symbols.map((symbol, id) => [symbol, id]));
const [begin, end] = [vocab["<|startoftext|>"]!, vocab["<|endoftext|>"]!];
const merges: [string, string][] = [["a", "b"], ["a", "b</w>"], ["ab", "c</w>"]];
const tokenizerConfig = {
  unk_token: { content: "<|endoftext|>" },
  pad_token: "<|endoftext|>",
};

function tokensOf(prompt: string): number[] {
  const ids = new ClipTokenizer({ vocab, merges }, tokenizerConfig).encode(prompt);
  assert.equal(ids.length, clipTokens);
  return ids;
}

Deno.test("ClipTokenizer.encode() gives begin, end and padding for an empty prompt", () => {
  assert.deepEqual(tokensOf(""), [begin, ...Array(76).fill(end)]);
});

Deno.test("ClipTokenizer.encode() merges inside words and marks their ends", () => {
  assert.deepEqual(tokensOf("ABC ab abb").slice(0, 7), [begin, 8, 7, 6, 4, end, end]);
});

Deno.test("ClipTokenizer.encode() gives the unknown id for a symbol that is not in the vocabulary", () => {
  assert.deepEqual(tokensOf("a z b").slice(0, 5), [begin, 3, end, 4, end]);
});

Deno.test("ClipTokenizer.encode() keeps 75 tokens of a long prompt and closes it", () => {
  const ids = tokensOf("c ".repeat(80));
  assert.deepEqual(ids, [begin, ...Array(75).fill(vocab["c</w>"]), end]);
});

Deno.test("ClipTokenizer.encode() takes a lone surrogate for a character that cleaning drops", () => {
  assert.deepEqual(tokensOf("a\ud800b").slice(0, 3), [begin, 7, end]);
});

Deno.test("loadClipTokenizer() reads vocab.json with merges.txt and tokenizer.json alike", async () => {
  const split = await folder({
    "vocab.json": JSON.stringify(vocab),
    "merges.txt": "#version: 0.2\n" + merges.map((pair) => pair.join(" ")).join("\n") + "\n",
  });
  const joined = await folder({ "tokenizer.json": JSON.stringify({ model: { type: "BPE", vocab, merges } }) });
  for (const directory of [split, joined]) {
    assert.deepEqual((await loadClipTokenizer(directory)).encode("abc a"), tokensOf("abc a"));
  }
});

Deno.test("loadClipTokenizer() names what is wrong with a folder", async () => {
  const wrong: [Record<string, string>, RegExp][] = [
    [{}, /vocab|tokenizer\.json": there is no such file/],
    [{ "merges.txt": "#version\na b", "vocab.json": "[]" }, /vocab\.json": it does not hold a JSON object/],
    [{ "merges.txt": "#version\na b c", "vocab.json": "{}" }, /the merge "a b c", which is not a pair/],
    [{ "merges.txt": "#version\na b", "vocab.json": "{}" }, /no token "<\|endoftext\|>"|no token "<\|startoftext\|>"/],
    [{ "tokenizer.json": "{" }, /tokenizer\.json": it is not valid JSON/],
  ];
  for (const [files, message] of wrong) {
    await assert.rejects(loadClipTokenizer(await folder(files)), (error: Error) => {
      assert.ok(error instanceof CheckpointError);
      assert.match(error.message, message);
      return true;
    });
  }
});

async function folder(files: Record<string, string>): Promise<string> {
  const directory = await Deno.makeTempDir();
  await Deno.writeTextFile(`${directory}/tokenizer_config.json`, JSON.stringify(tokenizerConfig));
  for (const [name, text] of Object.entries(files)) await Deno.writeTextFile(`${directory}/${name}`, text);
  return directory;
}
