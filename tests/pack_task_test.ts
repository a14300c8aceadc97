/**
 * `deno task pack` as a user types it: a model that the engine runs, and one line for everything that goes wrong.
 */
import assert from "node:assert/strict";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { createProcessEngine } from "../src/engine/process_engine.ts";
import { readModelSizes } from "../src/engine/memory/mod.ts";
import { emojiDir, exampleRequest } from "./emoji.ts";
import { type Ended, runTask } from "./task_command.ts";

interface Desk extends AsyncDisposable {
  readonly path: string;
  pack(...args: string[]): Promise<Ended>;
}

async function desk(): Promise<Desk> {
  const path = await Deno.realPath(await Deno.makeTempDir({ prefix: "framecast-pack-" }));
  return {
    path,
    pack: (...args) => runTask("pack", args, { FRAMECAST_MODELS_DIR: path, INIT_CWD: path }),
    [Symbol.asyncDispose]: () => rm(path, { recursive: true }),
  };
}

/** All pixels of a video of one section. */
async function pixelsOf(modelDir: string): Promise<Uint8Array> {
  await using engine = createProcessEngine({ device: { kind: "cpu" } });
  const request = { ...await exampleRequest({ durationSeconds: 1, steps: 4 }), modelDir };
  for await (const event of engine.generate(request, new AbortController().signal)) {
    if (event.kind === "frames") return event.batch.pixels;
  }
  return assert.fail("no frames came");
}

for (
  const [args, name, size, bytesPerNumber] of [[[], "emoji-fp8", "5.6", 1], [
    ["--bits", "4"],
    "emoji-int4",
    "4.9",
    0.5,
  ]] as const
) {
  Deno.test(`a model packed as ${name} is smaller where it counts, and makes nearly the same video`, async () => {
    await using on = await desk();
    const { code, stdout, stderr } = await on.pack(emojiDir, ...args);
    assert.equal(code, 0, stderr);
    const folder = join(on.path, name);
    assert.equal(stdout, `${folder} is ready: ${size} MB; FRAMECAST_MODEL=${name} runs it\n`);
    assert.deepEqual(await readdir(on.path), [name]);
    assert.equal((await readModelSizes(folder)).transformer.bytesPerNumber, bytesPerNumber);
    assert.equal(JSON.parse(await Deno.readTextFile(join(folder, "framecast.json"))).name, name);
    const [expected, got] = [await pixelsOf(emojiDir), await pixelsOf(folder)];
    assert.equal(got.length, expected.length);
    const away = expected.reduce((sum, value, i) => sum + Math.abs(value - got[i]!), 0) / expected.length;
    assert.ok(away > 0 && away < 6, `${away} levels on average`);
  });
}

Deno.test("what cannot be packed is told in one line, and nothing is left of it", async () => {
  await using on = await desk();
  const refused = async (line: RegExp, ...args: string[]) => {
    const { code, stdout, stderr } = await on.pack(...args);
    assert.deepEqual([code, stdout], [1, ""]);
    assert.match(stderr, line);
    assert.equal(stderr.trim().split("\n").length, 1);
  };
  await refused(/^There is no model "nothing" in ".*", and no such folder\n$/, "nothing");
  await refused(/^Cannot use the name "a\/b": /, emojiDir, "a/b");
  await refused(/^Unknown option '--to'; deno task pack --help says what can be given\n$/, emojiDir, "--to");
  await refused(/^Cannot pack into 5 bits: --bits is 8 or 4\n$/, emojiDir, "--bits=5");
  await refused(/^One model and at most one name are wanted; /, emojiDir, "one", "two");
  assert.deepEqual(await readdir(on.path), []);
  assert.equal((await on.pack(emojiDir, "small")).code, 0);
  await refused(/^".*small" is there already; /, emojiDir, "small");
  await refused(/^Cannot pack ".*\.weight" of .*: it is in 8 bits already\n$/, "small", "smaller");
  assert.deepEqual(await readdir(on.path), ["small"]);
  const help = await on.pack("--help");
  assert.deepEqual([help.code, help.stderr], [0, ""]);
});
