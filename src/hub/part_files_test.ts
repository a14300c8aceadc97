import assert from "node:assert/strict";
import { chooseDescriptions, chooseWeights, renamedWeights } from "./part_files.ts";

const stem = "diffusion_pytorch_model";
const index = `${stem}.safetensors.index.json`;
const shards = [1, 2, 3].map((n) => `${stem}-0000${n}-of-00003.safetensors`);
const same = (names: readonly string[]) => ({ files: names.map((name) => ({ source: name, target: name })) });

Deno.test("chooseWeights() takes an index with all its shards, and nothing else that lies there", () => {
  const others = ["README.md", `${stem}.fp16.safetensors`, `${stem}.fp16-00001-of-00002.safetensors`, "ema.bin"];
  assert.deepEqual(chooseWeights("transformer", [...others, ...shards, index]), same([index, ...shards]));
  assert.deepEqual(chooseWeights("transformer", [`${stem}.safetensors`, index, ...shards]), same([index, ...shards]));
});

Deno.test("chooseWeights() takes one whole file, by its usual name or alone under another", () => {
  assert.deepEqual(chooseWeights("vae", ["config.json", `${stem}.safetensors`]), same([`${stem}.safetensors`]));
  assert.deepEqual(chooseWeights("transformer", ["FramePackI2V_HY_bf16.safetensors"]), {
    files: [{ source: "FramePackI2V_HY_bf16.safetensors", target: `${stem}.safetensors` }],
  });
  assert.deepEqual(chooseWeights("tokenizer", ["tokenizer.json"]), { files: [] });
});

Deno.test("chooseWeights() says what a folder lacks", () => {
  const problemOf = (names: readonly string[]) => (chooseWeights("transformer", names) as { problem: string }).problem;
  assert.equal(problemOf([index, shards[0]!, shards[2]!]), `has no "${shards[1]}"`);
  assert.equal(problemOf([index]), `has "${index}" and none of its shards`);
  assert.equal(
    problemOf([index, ...shards, `${stem}-00001-of-00002.safetensors`]),
    `has "${index}" and shards of several splits`,
  );
  assert.equal(problemOf(["model.safetensors.index.json"]), `has no "${stem}.safetensors" and no "${index}"`);
  assert.equal(
    problemOf(["b.safetensors", "a.safetensors"]),
    "has several files of weights and no index, name one of them: a.safetensors, b.safetensors",
  );
});

Deno.test("chooseDescriptions() takes what loaders read, and of two kinds of vocabulary the first", () => {
  const all = ["merges.txt", "special_tokens_map.json", "tokenizer.json", "tokenizer_config.json", "vocab.json"];
  assert.deepEqual(
    chooseDescriptions("tokenizer_2", all),
    same(["tokenizer_config.json", "vocab.json", "merges.txt"]),
  );
  assert.deepEqual(
    chooseDescriptions("tokenizer_2", ["tokenizer.json", "tokenizer_config.json"]),
    same(["tokenizer_config.json", "tokenizer.json"]),
  );
  assert.deepEqual(chooseDescriptions("tokenizer_2", ["tokenizer_config.json", "merges.txt"]), {
    problem: 'has no "vocab.json"',
  });
  assert.deepEqual(chooseDescriptions("vae", []), { problem: 'has no "config.json"' });
});

Deno.test("renamedWeights() gives a named file the name that loaders look for", () => {
  assert.deepEqual(renamedWeights("text_encoder", "llama.safetensors"), {
    files: [{ source: "llama.safetensors", target: "model.safetensors" }],
  });
  assert.ok("problem" in renamedWeights("tokenizer", "a.safetensors"));
});
