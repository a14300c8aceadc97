import assert from "node:assert/strict";
import { join } from "node:path";
import { makeTinyModel } from "../../tests/tiny_model.ts";
import { loadImageEncoder, loadTextEncoder } from "./encoders.ts";
import { CheckpointError } from "./errors.ts";
import { ExecutableCache } from "./onnx/executable_cache.ts";
import { openRuntime } from "./onnx/runtime.ts";

const noTemplate = { promptTemplate: undefined };
const going = new AbortController().signal;
const image = { widthPx: 40, heightPx: 30, pixels: new Uint8Array(40 * 30 * 3).fill(90) };

function makeExecutables(): ExecutableCache {
  const runtime = openRuntime();
  return new ExecutableCache(runtime, { device: { kind: "cpu" }, weights: "resident", idleThreads: "sleep" });
}

Deno.test("TextEncoder.encode() gives one state per prompt token and the closing one", async () => {
  await using model = await makeTinyModel("tiny-a");
  using executables = makeExecutables();
  const encoder = await loadTextEncoder(model.dir, noTemplate, executables);
  const empty = await encoder.encode("", going);
  assert.deepEqual([empty.states.shape, empty.pooled.shape, empty.promptTokens], [[1, 64], [1, 32], 0]);
  const long = await encoder.encode("The girl dances. ".repeat(200), going);
  assert.deepEqual([long.states.shape, long.promptTokens], [[256, 64], 256]);
  assert.ok(long.promptTokensCut > 100);
});

Deno.test("TextEncoder.encode() reads the manifest's own template", async () => {
  await using model = await makeTinyModel("tiny-a");
  using executables = makeExecutables();
  const plain = await loadTextEncoder(model.dir, noTemplate, executables);
  const other = await loadTextEncoder(model.dir, { promptTemplate: "Say:\n\n{}<|eot_id|>" }, executables);
  const [a, b] = [await plain.encode("a cat", going), await other.encode("a cat", going)];
  assert.equal(a.promptTokens, b.promptTokens);
  assert.notDeepEqual(a.states.data, b.states.data);
  assert.deepEqual(a.pooled, b.pooled); // CLIP reads the prompt without template
});

Deno.test("encode() throws the signal's reason when stopped", async () => {
  await using model = await makeTinyModel("tiny-a");
  using executables = makeExecutables();
  const text = await loadTextEncoder(model.dir, noTemplate, executables);
  const images = await loadImageEncoder(model.dir, executables);
  const stopped = AbortSignal.abort(new Error("stopped by the user"));
  await assert.rejects(text.encode("a", stopped), /stopped by the user/);
  await assert.rejects(images.encode(image, stopped), /stopped by the user/);
});

Deno.test("ImageEncoder.encode() gives one state per whole patch", async () => {
  await using model = await makeTinyModel("tiny-a");
  using executables = makeExecutables();
  const encoder = await loadImageEncoder(model.dir, executables);
  assert.deepEqual((await encoder.encode(image, going)).shape, [16, 48]);
});

Deno.test("loadImageEncoder() refuses a preprocessor that makes another size", async () => {
  await using model = await makeTinyModel("tiny-a");
  using executables = makeExecutables();
  await rewrite(join(model.dir, "feature_extractor/preprocessor_config.json"), (config) => {
    config.size = { height: 64, width: 62 };
  });
  await assert.rejects(loadImageEncoder(model.dir, executables), isCheckpointError(/62 × 64 px.* wants 62 × 62/));
});

Deno.test("an encoder whose weights are not of the configured sizes names the tensor and both shapes", async () => {
  await using model = await makeTinyModel("tiny-a");
  using executables = makeExecutables();
  await rewrite(join(model.dir, "text_encoder/config.json"), (config) => config.intermediate_size = 161);
  const encoder = await loadTextEncoder(model.dir, noTemplate, executables);
  await assert.rejects(
    encoder.encode("a", going),
    isCheckpointError(
      /"layers\.0\.mlp\.gate_proj\.weight" of .*safetensors: its shape is \[160, 64\], expected \[161, 64\]/,
    ),
  );
});

Deno.test("loadTextEncoder() names a key that is missing in config.json", async () => {
  await using model = await makeTinyModel("tiny-a");
  using executables = makeExecutables();
  await rewrite(join(model.dir, "text_encoder_2/config.json"), (config) => delete config.hidden_size);
  await assert.rejects(
    loadTextEncoder(model.dir, noTemplate, executables),
    isCheckpointError(/text_encoder_2\/config\.json": hidden_size: /),
  );
});

async function rewrite(path: string, change: (config: Record<string, unknown>) => void): Promise<void> {
  const config = JSON.parse(await Deno.readTextFile(path));
  change(config);
  await Deno.writeTextFile(path, JSON.stringify(config));
}

const isCheckpointError = (message: RegExp) => (error: Error) => {
  assert.ok(error instanceof CheckpointError, `${error}`);
  assert.match(error.message, message);
  return true;
};
