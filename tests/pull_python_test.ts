/**
 * One cache for all: what `pull` fetched is found by Python's huggingface_hub, and the other way round.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { mainCommit } from "./hub_double.ts";
import { assertEmoji, home, published } from "./pull_home.ts";
import { fluxReduxRepo, hunyuanVideoRepo, neededFiles, transformerRepo } from "./published_emoji.ts";

const client = fileURLToPath(new URL("hub_cache_client.py", import.meta.url));
const python = await pythonWithHub();

/** The one of the benchmarks, else the system's. */
async function pythonWithHub(): Promise<string | undefined> {
  for (const program of [Deno.env.get("FRAMECAST_BENCH_PYTHON"), "python3"]) {
    if (!program) continue;
    const args = ["-c", "import huggingface_hub"];
    const found = await new Deno.Command(program, { args, stdout: "null", stderr: "null" }).output().catch(() => null);
    if (found?.success) return program;
  }
  return undefined;
}

async function runClient(args: readonly string[], env: Record<string, string>) {
  const quiet = { HF_HUB_DISABLE_TELEMETRY: "1", HF_HUB_DISABLE_PROGRESS_BARS: "1" };
  const command = new Deno.Command(python!, { args: [client, ...args], env: { ...quiet, ...env } });
  const { success, stdout, stderr } = await command.output();
  assert.ok(success, new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}

/** SHA-256 of every needed file, by its name. */
const hashes = Object.fromEntries(neededFiles.map((name) => {
  const [owner, repo, ...path] = name.split("/");
  const bytes = published[`${owner}/${repo}`]!.files[path.join("/")]!;
  return [name, createHash("sha256").update(bytes).digest("hex")];
}));

Deno.test({
  name: "huggingface_hub finds every file that was pulled, offline (needs Python with huggingface_hub)",
  ignore: !python,
  async fn() {
    await using here = await home();
    await here.pull();
    const env = { HF_HUB_CACHE: here.cacheDir, HF_HOME: here.path, HF_HUB_OFFLINE: "1" };
    const { found, snapshots, warnings, repos } = await runClient(["find", ...neededFiles], env);
    assert.deepEqual(found, hashes);
    const ids = [hunyuanVideoRepo, fluxReduxRepo, transformerRepo].toSorted();
    assert.deepEqual(snapshots, Object.fromEntries(ids.map((id) => [id, mainCommit])));
    assert.deepEqual([warnings, repos], [[], ids], "it takes the cache for its own, with nothing wrong in it");
  },
});

Deno.test({
  name: "what huggingface_hub fetched is not fetched again (needs Python with huggingface_hub)",
  ignore: !python,
  async fn() {
    await using here = await home();
    const env = {
      ...{ HF_HUB_CACHE: here.cacheDir, HF_HOME: here.path, HF_ENDPOINT: here.double.endpoint },
      HF_HUB_DISABLE_XET: "1",
    };
    assert.deepEqual((await runClient(["fetch", ...neededFiles], env)).found, hashes);
    const before = here.double.fetched.length;
    const [planned] = await here.pull();
    assert.equal(here.double.fetched.length, before);
    assert.ok(planned?.kind === "planned" && planned.files.every((file) => file.presentBytes === file.sizeBytes));
    await assertEmoji(join(here.modelsDir, "framepack-i2v"));

    await rm(join(here.modelsDir, "framepack-i2v"), { recursive: true });
    await here.pull({ network: "offline" });
    await assertEmoji(join(here.modelsDir, "framepack-i2v"));
  },
});
