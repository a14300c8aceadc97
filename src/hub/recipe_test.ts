import assert from "node:assert/strict";
import { nameOfSource, parseSource, recipeFor } from "./recipe.ts";

const resolve = (path: string) => `/typed/${path}`;

Deno.test("recipeFor() knows both published models and where their parts lie", () => {
  const { sources, schedule } = recipeFor("framepack-i2v");
  assert.deepEqual(
    Object.fromEntries(Object.entries(sources).map(([part, source]) => [part, nameOfSource(source)])),
    {
      transformer: "hf://lllyasviel/FramePackI2V_HY",
      vae: "hf://hunyuanvideo-community/HunyuanVideo/vae",
      text_encoder: "hf://hunyuanvideo-community/HunyuanVideo/text_encoder",
      tokenizer: "hf://hunyuanvideo-community/HunyuanVideo/tokenizer",
      text_encoder_2: "hf://hunyuanvideo-community/HunyuanVideo/text_encoder_2",
      tokenizer_2: "hf://hunyuanvideo-community/HunyuanVideo/tokenizer_2",
      image_encoder: "hf://lllyasviel/flux_redux_bfl/image_encoder",
      feature_extractor: "hf://lllyasviel/flux_redux_bfl/feature_extractor",
    },
  );
  assert.equal(schedule, "inverted");
  const f1 = recipeFor("framepack-f1");
  assert.equal(nameOfSource(f1.sources.transformer), "hf://lllyasviel/FramePack_F1_I2V_HY_20250503");
  assert.deepEqual(f1.sources.vae, sources.vae);
  assert.equal(f1.schedule, "forward");
});

Deno.test("recipeFor() puts any name together from another transformer", () => {
  const transformer = parseSource("mine.safetensors", resolve);
  const mine = recipeFor("mine", { sources: { transformer } });
  assert.deepEqual(mine.sources.transformer, { kind: "local", path: "/typed/mine.safetensors" });
  assert.equal(nameOfSource(mine.published.transformer), "hf://lllyasviel/FramePackI2V_HY");
  assert.equal(recipeFor("mine", { sources: { transformer }, like: "framepack-f1" }).schedule, "forward");
});

Deno.test("recipeFor() refuses names in one sentence", () => {
  const says = (name: string, like?: string) => {
    try {
      recipeFor(name, { like });
    } catch (error) {
      return (error as Error).message;
    }
    return "nothing";
  };
  const known = "only framepack-i2v and framepack-f1; --transformer names another";
  assert.equal(says("framepack"), `There is no published model "framepack", ${known}`);
  assert.equal(says("mine", "sd15"), `There is no published model "sd15", ${known}`);
  for (const name of ["../x", ".hidden", "a/b", ""]) assert.match(says(name), /^Cannot make a model ".*": a name has/);
  assert.match(says("emoji"), /comes with framecast/);
});

Deno.test("parseSource() reads addresses of the hub, and takes everything else for a path", () => {
  const hub = { kind: "hub", repo: "Kijai/HunyuanVideo_comfy", revision: "main" };
  assert.deepEqual(parseSource("hf://Kijai/HunyuanVideo_comfy", resolve), { ...hub, path: "" });
  assert.deepEqual(parseSource("hf://Kijai/HunyuanVideo_comfy@v1.0/a/b.safetensors", resolve), {
    ...hub,
    revision: "v1.0",
    path: "a/b.safetensors",
  });
  assert.deepEqual(parseSource("Kijai/x", resolve), { kind: "local", path: "/typed/Kijai/x" });
  for (const text of ["hf://", "hf://one", "hf://a/../b", "hf://a/b/../c", "hf://a/b@", "hf://a/b c", "hf://../b/c"]) {
    assert.throws(() => parseSource(text, resolve), /must be hf:\/\/OWNER\/NAME/, text);
  }
});
