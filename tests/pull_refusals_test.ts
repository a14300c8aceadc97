/**
 * `pull` against a hub, a line and a disk that do not play along: one sentence each, and no half of a model.
 */
import assert from "node:assert/strict";
import { mkdir, readdir, realpath, rm, stat, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type PullOptions, recipeFor } from "../src/hub/mod.ts";
import { emojiDir } from "./emoji.ts";
import { mainCommit } from "./hub_double.ts";
import { assertEmoji, home, published } from "./pull_home.ts";
import { fluxReduxRepo, hunyuanVideoRepo, type Repos, transformerRepo } from "./published_emoji.ts";

/** The sentence that it fails with. */
const failure = (work: Promise<unknown>) => work.then(() => assert.fail("it did not fail"), (error) => error.message);

Deno.test("wrong bytes are told, and no folder is made of them", async () => {
  await using here = await home();
  here.double.faults.set(`${fluxReduxRepo}/image_encoder/model.safetensors`, [{ kind: "flip" }]);
  assert.match(
    await failure(here.pull()),
    /^The hub sent other bytes for "lllyasviel\/flux_redux_bfl\/image_encoder\/model\.safetensors" than it promised: /,
  );
  assert.deepEqual(await readdir(here.modelsDir), []);
  await here.pull();
  await assertEmoji(join(here.modelsDir, "framepack-i2v"));
});

Deno.test("a disk without room is told before the first byte", async () => {
  await using here = await home();
  const said = await failure(here.pull({ freeBytes: () => Promise.resolve(9_000_000) }));
  assert.match(said, /^Cannot fetch 2\d\.\d MB into ".*hub": its disk has 9\.0 MB free; HF_HUB_CACHE names a cache on/);
  assert.deepEqual(here.double.fetched, []);
  // What is here already needs no room.
  await here.pull();
  await here.pull({ freeBytes: () => Promise.resolve(0) });
});

/** Repositories as somebody without rights finds them, and what is said about it. */
const refusals: readonly (readonly [name: string, repos: Repos, options: Partial<PullOptions>, says: RegExp])[] = [
  [
    "401 without a token",
    { ...published, [transformerRepo]: { ...published[transformerRepo]!, token: "hf_right" } },
    {},
    /^http:\/\/127\.0\.0\.1:\d+ does not show "lllyasviel\/FramePackI2V_HY" \(401\): set HF_TOKEN if it is private, or /,
  ],
  [
    "401 with a wrong one",
    { ...published, [transformerRepo]: { ...published[transformerRepo]!, token: "hf_right" } },
    { token: "hf_wrong" },
    /does not show "lllyasviel\/FramePackI2V_HY" \(401\): the token in HF_TOKEN or in the token file may have expired/,
  ],
  [
    "403, gated",
    { ...published, [fluxReduxRepo]: { ...published[fluxReduxRepo]!, isGated: true } },
    { token: "hf_right" },
    /^"lllyasviel\/flux_redux_bfl" is open to those who accepted its terms \(403\): accept them at http:\S+bfl and set/,
  ],
  [
    "404, no repository",
    Object.fromEntries(Object.entries(published).filter(([id]) => id !== hunyuanVideoRepo)),
    { token: "hf_right" },
    /^There is no "hunyuanvideo-community\/HunyuanVideo" on http:\/\/127\.0\.0\.1:\d+ \(404\)$/,
  ],
  [
    "404, no folder",
    { ...published, [hunyuanVideoRepo]: { files: without("vae/", published[hunyuanVideoRepo]!.files) } },
    {},
    /^"hunyuanvideo-community\/HunyuanVideo" on http:\/\/127\.0\.0\.1:\d+ has no "vae" \(404\)$/,
  ],
  [
    "404, no revision",
    { ...published, [transformerRepo]: { ...published[transformerRepo]!, revisions: { other: mainCommit } } },
    {},
    /^"lllyasviel\/FramePackI2V_HY" on http:\/\/127\.0\.0\.1:\d+ has no revision "main" \(404\)$/,
  ],
  [
    "a shard that is not there",
    {
      ...published,
      [transformerRepo]: { files: without("diffusion_pytorch_model-00002", published[transformerRepo]!.files) },
    },
    {},
    /^"hf:\/\/lllyasviel\/FramePackI2V_HY" has no "diffusion_pytorch_model-00002-of-00002\.safetensors"$/,
  ],
];

function without(start: string, files: Repos[string]["files"]): Repos[string]["files"] {
  return Object.fromEntries(Object.entries(files).filter(([path]) => !path.startsWith(start)));
}

for (const [name, repos, options, says] of refusals) {
  Deno.test(`a hub that refuses is quoted in one sentence: ${name}`, async () => {
    await using here = await home(repos);
    const said = await failure(here.pull(options));
    assert.match(said, says);
    assert.doesNotMatch(said, /\n|hf_/);
    assert.deepEqual(here.double.fetched, []);
    assert.deepEqual(await readdir(here.modelsDir), []);
  });
}

Deno.test("offline, a cache that lacks something says what", async () => {
  await using here = await home();
  assert.match(
    await failure(here.pull({ network: "offline" })),
    /^The cache ".*hub" has nothing of "lllyasviel\/FramePackI/,
  );
  await here.pull();
  const shard = join(
    here.modelsDir,
    "framepack-i2v",
    "transformer",
    "diffusion_pytorch_model-00002-of-00002.safetensors",
  );
  await unlink(await realpath(shard));
  assert.equal(
    await failure(here.pull({ network: "offline" })),
    '"hf://lllyasviel/FramePackI2V_HY" has no "diffusion_pytorch_model-00002-of-00002.safetensors"; ' +
      "HF_HUB_OFFLINE is set, so nothing is fetched",
  );
});

Deno.test("a hub that cannot be reached is no matter when the cache is whole, and is told when it is not", async () => {
  await using here = await home();
  await here.pull();
  const endpoint = here.double.endpoint;
  await here.double[Symbol.asyncDispose]();
  const events = await here.pull({ endpoint });
  const note = events.find(({ kind }) => kind === "unasked");
  assert.ok(note?.kind === "unasked");
  assert.match(note.why, /^Cannot reach http:\/\/127\.0\.0\.1:\d+: .*refused/i);
  await rm(here.cacheDir, { recursive: true });
  assert.match(await failure(here.pull({ endpoint })), /^Cannot reach http:\/\/127\.0\.0\.1:\d+: /);
});

Deno.test("an address that is no hub is told", async () => {
  await using here = await home();
  await using portal = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, () => new Response("<html>"));
  const said = await failure(here.pull({ endpoint: `http://127.0.0.1:${portal.addr.port}` }));
  assert.match(said, /^Cannot read the hub's answer about "[^"]+": .*JSON/);
});

Deno.test("a hub that does not answer is left", async () => {
  await using here = await home();
  const closing = new AbortController();
  const options = { hostname: "127.0.0.1", port: 0, onListen: () => {} };
  await using silent = Deno.serve(
    options,
    () => new Promise((answer) => closing.signal.addEventListener("abort", () => answer(new Response()))),
  );
  const said = await failure(here.pull({ endpoint: `http://127.0.0.1:${silent.addr.port}`, stallMs: 100 }));
  assert.match(said, /^http:\/\/127\.0\.0\.1:\d+ has not answered for 0\.1 s$/);
  closing.abort();
});

Deno.test("a hub that names no hash, or climbs out of its folder, is not believed", async () => {
  await using here = await home();
  let entry = { type: "file", path: "../../evil.safetensors", size: 1, oid: "0".repeat(40) };
  await using liar = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    ({ url }) => url.includes("/revision/") ? Response.json({ id: "x", sha: mainCommit }) : Response.json([entry]),
  );
  const pulled = () => failure(here.pull({ endpoint: `http://127.0.0.1:${liar.addr.port}` }));
  assert.match(
    await pulled(),
    /^The hub describes "\.\.\/\.\.\/evil\.safetensors" of "[^"]+" with 1 bytes and the hash "0+"$/,
  );
  entry = { ...entry, path: "x.safetensors", oid: "../../evil" };
  assert.match(
    await pulled(),
    /^The hub describes "x\.safetensors" of "[^"]+" with 1 bytes and the hash "\.\.\/\.\.\/evil"$/,
  );
});

Deno.test("what is no FramePack transformer is told, and no folder is made of it", async () => {
  await using here = await home();
  const path = join(emojiDir, "vae", "diffusion_pytorch_model.safetensors");
  const sources = { transformer: { kind: "local", path } } as const;
  const said = await failure(here.pull({}, recipeFor("mine", { sources })));
  assert.match(said, /holds no FramePack transformer: it has no tensor "x_embedder\.proj\.weight"$/);
  assert.deepEqual(await readdir(here.modelsDir), []);
  const none = { transformer: { kind: "local", path: "/none/x.safetensors" } } as const;
  assert.equal(
    await failure(here.pull({}, recipeFor("mine", { sources: none }))),
    'Cannot use "/none/x.safetensors": there is no such file or folder',
  );
});

Deno.test("a folder that people made is not replaced", async () => {
  await using here = await home();
  const folder = join(here.modelsDir, "framepack-i2v");
  await mkdir(join(folder, "transformer"), { recursive: true });
  await writeFile(join(folder, "transformer", "config.json"), "{}");
  assert.match(
    await failure(here.pull()),
    /^Cannot make ".*framepack-i2v": it holds "transformer\/config\.json", which is no/,
  );
  assert.equal((await stat(join(folder, "transformer", "config.json"))).size, 2);
});
