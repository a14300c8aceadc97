/**
 * `pull`: a published model becomes a folder of links that the engine runs.
 */
import assert from "node:assert/strict";
import { cp, readdir, readFile, readlink, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { openCheckpoint } from "../src/engine/onnx/safetensors.ts";
import { readManifest } from "../src/engine/mod.ts";
import { parseSource, pull, type PullOptions, recipeFor } from "../src/hub/mod.ts";
import { emojiDir } from "./emoji.ts";
import { mainCommit } from "./hub_double.ts";
import { assertEmoji, home, published } from "./pull_home.ts";
import { neededFiles, repackFile, repackRepo, transformerRepo } from "./published_emoji.ts";

Deno.test("pull fetches just the files a model needs, out of three repositories, and makes a folder of links", async () => {
  await using here = await home();
  here.double.pageSize = 2;
  const events = await here.pull();
  assert.deepEqual(here.double.fetched.toSorted(), neededFiles);
  const folder = join(here.modelsDir, "framepack-i2v");
  const ready = events.at(-1)!;
  assert.ok(ready.kind === "ready");
  assert.equal(ready.folder, folder);
  assert.deepEqual(ready.weights.transformer!.dtypes, ["float32"]);
  await assertEmoji(folder);
  const link = await readlink(join(folder, "vae", "config.json"));
  assert.equal(
    link,
    join(here.cacheDir, "models--hunyuanvideo-community--HunyuanVideo", "snapshots", mainCommit, "vae", "config.json"),
  );
  assert.deepEqual((await readManifest(folder)).schedules, ["inverted"]);
});

Deno.test("progress adds up: what is planned is what is received, file by file", async () => {
  await using here = await home();
  const events = await here.pull();
  const [planned] = events;
  assert.ok(planned?.kind === "planned");
  assert.deepEqual(planned.files.map(({ name }) => name).toSorted(), neededFiles);
  for (const { name, sizeBytes, presentBytes } of planned.files) {
    assert.equal(presentBytes, 0);
    const received = events.flatMap((event) =>
      event.kind === "file" && event.file.name === name && event.event.kind === "received"
        ? [event.event.presentBytes]
        : []
    );
    assert.deepEqual(received, received.toSorted((a, b) => a - b), name);
    assert.equal(received.at(-1), sizeBytes, name);
  }
});

Deno.test("a second pull fetches nothing, and keeps what people wrote into framecast.json", async () => {
  await using here = await home();
  await here.pull();
  const manifest = join(here.modelsDir, "framepack-i2v", "framecast.json");
  await writeFile(manifest, '{"name": "mine"}');
  const before = here.double.fetched.length;
  await here.pull();
  assert.equal(here.double.fetched.length, before);
  assert.equal(await readFile(manifest, "utf8"), '{"name": "mine"}');
});

Deno.test("a revision that moved on is fetched as far as it differs", async () => {
  const repos = { ...published };
  await using here = await home(repos);
  await here.pull();
  const before = here.double.fetched.length;
  const config = new TextEncoder().encode(
    new TextDecoder().decode(published[transformerRepo]!.files["config.json"]).replace(/\}\s*$/, ', "note": 1}'),
  );
  repos[transformerRepo] = {
    files: { ...published[transformerRepo]!.files, "config.json": config },
    revisions: { main: mainCommit.replace("1", "2") },
  };
  await here.pull();
  assert.deepEqual(here.double.fetched.slice(before), [`${transformerRepo}/config.json`]);
  const link = await readlink(join(here.modelsDir, "framepack-i2v", "transformer", "config.json"));
  assert.ok(link.includes(mainCommit.replace("1", "2")), link);
});

Deno.test("a pull that was stopped goes on where it was", async () => {
  await using here = await home();
  const big = `${transformerRepo}/diffusion_pytorch_model-00001-of-00002.safetensors`;
  here.double.faults.set(big, [{ kind: "stall", afterBytes: 1_000_000 }]);
  const stop = new AbortController();
  const options: PullOptions = {
    ...{ cacheDir: here.cacheDir, modelsDir: here.modelsDir, endpoint: here.double.endpoint, network: "online" },
    ...{ parallel: 1, stallMs: 60_000 },
  };
  const stopped = (async () => {
    for await (const event of pull(recipeFor("framepack-i2v"), options, stop.signal)) {
      if (event.kind !== "file" || event.file.name !== big || event.event.kind !== "received") continue;
      if (event.event.presentBytes >= 1_000_000) stop.abort(new DOMException("Stopped", "AbortError"));
    }
  })();
  await assert.rejects(stopped, { name: "AbortError" });
  assert.deepEqual(await readdir(here.modelsDir), [], "no half of a model");
  const before = here.double.fetched.length;
  const [planned] = await here.pull();
  assert.ok(planned?.kind === "planned");
  assert.equal(planned.files.find(({ name }) => name === big)!.presentBytes, 1_000_000);
  const again = here.double.seen.filter(({ host, path }) => host === "storage" && path === `/${big}`);
  assert.deepEqual(again.map(({ range }) => range), [null, "bytes=1000000-"]);
  assert.equal(
    new Set(here.double.fetched.slice(0, before)).intersection(new Set(here.double.fetched.slice(before))).size,
    1,
  );
  await assertEmoji(join(here.modelsDir, "framepack-i2v"));
});

Deno.test("a private repository is fetched with its token", async () => {
  const repos = { ...published, [transformerRepo]: { ...published[transformerRepo]!, token: "hf_right" } };
  await using here = await home(repos);
  await here.pull({ token: "hf_right" });
  assert.deepEqual(
    new Set(here.double.seen.map(({ host, authorization }) => `${host} ${authorization}`)),
    new Set([
      "hub Bearer hf_right",
      "storage null",
    ]),
  );
});

Deno.test("offline, a whole cache is enough, and nobody is asked", async () => {
  await using here = await home();
  await here.pull();
  await rm(join(here.modelsDir, "framepack-i2v"), { recursive: true });
  const before = here.double.seen.length;
  const events = await here.pull({ network: "offline" });
  assert.equal(here.double.seen.length, before);
  assert.deepEqual(events.map(({ kind }) => kind), ["planned", "ready"]);
  await assertEmoji(join(here.modelsDir, "framepack-i2v"));
});

Deno.test("a transformer in one file is taken from another repository, or from here, with the published configuration", async () => {
  await using here = await home();
  const transformer = parseSource(`hf://${repackRepo}/${repackFile}`, (path) => path);
  await here.pull({}, recipeFor("repack", { sources: { transformer } }));
  await assertEmoji(join(here.modelsDir, "repack"));
  assert.ok(here.double.fetched.includes(`${repackRepo}/${repackFile}`));
  assert.ok(here.double.fetched.includes(`${transformerRepo}/config.json`));
  assert.ok(!here.double.fetched.some((path) => path.startsWith(`${transformerRepo}/diffusion`)));

  const mine = join(here.path, "mine.safetensors");
  await cp(join(emojiDir, "transformer", "diffusion_pytorch_model.safetensors"), mine);
  await here.pull({}, recipeFor("mine", { sources: { transformer: { kind: "local", path: mine } } }));
  await assertEmoji(join(here.modelsDir, "mine"));
  assert.equal(
    await readlink(join(here.modelsDir, "mine", "transformer", "diffusion_pytorch_model.safetensors")),
    mine,
  );
});

Deno.test("folders that are here are linked, not fetched", async () => {
  await using here = await home();
  const local = (part: string) => ({ kind: "local" as const, path: join(emojiDir, part) });
  const sources = Object.fromEntries(
    (await readdir(emojiDir, { withFileTypes: true })).filter((entry) =>
      entry.isDirectory() && !/ples/.test(entry.name)
    )
      .map(({ name }) => [name, local(name)]),
  );
  assert.equal(Object.keys(sources).length, 8);
  const events = await here.pull({ network: "offline" }, recipeFor("mine", { sources }));
  assert.deepEqual(events.map(({ kind }) => kind), ["planned", "ready"]);
  assert.equal(here.double.seen.length, 0);
  await assertEmoji(join(here.modelsDir, "mine"));
});

/** A file with the tensors of the embedded transformer as 8-bit numbers, all of them zero. */
async function writeFloat8(path: string, dtype: "F8_E4M3" | "F8_E5M2"): Promise<number> {
  const checkpoint = await openCheckpoint(join(emojiDir, "transformer"));
  const header: Record<string, unknown> = {};
  let end = 0;
  for (const name of checkpoint.names()) {
    const { shape } = checkpoint.get(name);
    const begin = end;
    end += shape.reduce((product, size) => product * size, 1);
    header[name] = { dtype, shape, data_offsets: [begin, end] };
  }
  const text = new TextEncoder().encode(JSON.stringify(header));
  const bytes = new Uint8Array(8 + text.length + end);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  await writeFile(path, bytes);
  return checkpoint.names().length;
}

Deno.test("a repack in 8 bits is a matter of files: it is linked as it is, and what it holds is told", async () => {
  await using here = await home();
  const path = join(here.path, "FramePackI2V_HY_fp8_e4m3fn.safetensors");
  const tensors = await writeFloat8(path, "F8_E4M3");
  const events = await here.pull({}, recipeFor("float8", { sources: { transformer: { kind: "local", path } } }));
  const ready = events.at(-1)!;
  assert.ok(ready.kind === "ready");
  assert.deepEqual(ready.weights.transformer, { tensors, dtypes: ["float8e4m3fn"], refusal: null });
  const link = join(here.modelsDir, "float8", "transformer", "diffusion_pytorch_model.safetensors");
  assert.equal(await readlink(link), path);
});

Deno.test("the other 8-bit format is linked too, and told to be one that cannot be run", async () => {
  await using here = await home();
  const path = join(here.path, "FramePackI2V_HY_fp8_e5m2.safetensors");
  await writeFloat8(path, "F8_E5M2");
  const events = await here.pull({}, recipeFor("float8", { sources: { transformer: { kind: "local", path } } }));
  const ready = events.at(-1)!;
  assert.ok(ready.kind === "ready");
  assert.match(ready.weights.transformer!.refusal!, /it is stored as F8_E5M2; of 8-bit formats only F8_E4M3 is read$/);
});
