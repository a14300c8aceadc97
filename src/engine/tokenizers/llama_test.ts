// deno-lint-ignore-file camelcase -- the field names are Hugging Face files'
import assert from "node:assert/strict";
import { CheckpointError } from "../errors.ts";
import { LlamaTokenizer, loadLlamaTokenizer, promptTokensMax } from "./llama.ts";
import { framePackTemplate, parsePromptTemplate } from "./prompt_template.ts";

const specials = ["<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>", "<pad>"];
const symbols = ["a", "b", "ab", "Ġ", "Ġb", "!", "Ċ", "ĊĊ", "�", "ï", "¿", "½"];
const id = (text: string) => [...symbols, ...specials].indexOf(text);
const llama3Words =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
const tokenizerJson = {
  added_tokens: specials.map((content) => ({ id: id(content), content, special: true, normalized: false })),
  normalizer: null,
  pre_tokenizer: {
    type: "Sequence",
    pretokenizers: [
      { type: "Split", pattern: { Regex: llama3Words }, behavior: "Isolated", invert: false },
      { type: "ByteLevel", add_prefix_space: false, use_regex: false },
    ],
  },
  post_processor: null,
  decoder: null,
  model: {
    type: "BPE",
    ignore_merges: true,
    vocab: Object.fromEntries(symbols.map((symbol) => [symbol, id(symbol)])),
    merges: [["a", "b"], ["Ġ", "b"], ["Ċ", "Ċ"]],
  },
};
const tokenizerConfig = { bos_token: "<|begin_of_text|>", pad_token: { content: "<pad>" } };
const tokenizer = new LlamaTokenizer(tokenizerJson, tokenizerConfig);
const template = parsePromptTemplate("<|start_header_id|>a<|end_header_id|>\n\n{}<|eot_id|>");
const before = ["<|begin_of_text|>", "<|start_header_id|>", "a", "<|end_header_id|>", "ĊĊ"].map(id);

Deno.test("LlamaTokenizer.encode() puts begin-of-text first, also when the file's post-processor does not", () => {
  assert.deepEqual(tokenizer.encode(""), [id("<|begin_of_text|>")]);
  assert.deepEqual(tokenizer.encode("ab b"), ["<|begin_of_text|>", "ab", "Ġb"].map(id));
});

Deno.test("LlamaTokenizer.encode() takes a special token spelled in the text for the token", () => {
  assert.deepEqual(tokenizer.encode("a<|eot_id|>b").slice(1), ["a", "<|eot_id|>", "b"].map(id));
});

Deno.test("LlamaTokenizer.encode() takes a lone surrogate for U+FFFD", () => {
  assert.deepEqual(tokenizer.encode("\udc00").slice(1), ["ï", "¿", "½"].map(id));
});

Deno.test("LlamaTokenizer.encodePrompt() crops at the end of the template's own tokens", () => {
  const prompt = tokenizer.encodePrompt("ab b!", template);
  assert.deepEqual(prompt.ids.slice(0, prompt.cropStart), before);
  assert.deepEqual(prompt.ids.slice(prompt.cropStart), ["ab", "Ġb", "!", "<|eot_id|>"].map(id));
  assert.deepEqual([prompt.lengthMax, prompt.padId, prompt.promptTokensCut], [promptTokensMax + 5, id("<pad>"), 0]);
});

Deno.test("LlamaTokenizer.encodePrompt() keeps the closing token for an empty prompt", () => {
  const { ids, cropStart } = tokenizer.encodePrompt("", template);
  assert.deepEqual(ids.slice(cropStart), [id("<|eot_id|>")]);
});

Deno.test("LlamaTokenizer.encodePrompt() cuts on the right and counts the prompt's lost tokens, not the closing one", () => {
  for (const [tokens, cut] of [[255, 0], [256, 0], [257, 1], [300, 44]] as const) {
    const { ids, cropStart, lengthMax, promptTokens, promptTokensCut } = tokenizer.encodePrompt(
      "ab" + " b".repeat(tokens - 1),
      template,
    );
    assert.deepEqual([promptTokens, promptTokensCut], [tokens - cut, cut]);
    assert.equal(ids.length, Math.min(lengthMax, cropStart + tokens + 1));
    assert.equal(ids.at(-1), tokens < 256 ? id("<|eot_id|>") : id("Ġb"));
  }
});

Deno.test("parsePromptTemplate() wants the placeholder exactly once", () => {
  assert.deepEqual(parsePromptTemplate("x{}y"), { before: "x", after: "y" });
  assert.throws(() => parsePromptTemplate("xy"), /"xy".*exactly once/);
  assert.throws(() => parsePromptTemplate("{}{}"), TypeError);
});

Deno.test("framePackTemplate closes the system turn and opens the user's", () => {
  assert.match(framePackTemplate.before, /in the video:<\|eot_id\|><\|start_header_id\|>user<\|end_header_id\|>\n\n$/);
  assert.equal(framePackTemplate.after, "<|eot_id|>");
});

Deno.test("loadLlamaTokenizer() names the folder and what is missing in it", async () => {
  const directory = await Deno.makeTempDir();
  await assert.rejects(
    loadLlamaTokenizer(directory),
    (error: Error) => error instanceof CheckpointError && error.message.includes(`${directory}/tokenizer`),
  );
  await Deno.writeTextFile(`${directory}/tokenizer.json`, JSON.stringify(tokenizerJson));
  await Deno.writeTextFile(`${directory}/tokenizer_config.json`, `{"bos_token":"<|begin_of_text|>"}`);
  await assert.rejects(loadLlamaTokenizer(directory), /Cannot use the tokenizer in .*"pad_token"/);
});
