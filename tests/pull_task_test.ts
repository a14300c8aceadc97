/**
 * `deno task pull` as a user types it: a model that the engine runs at once, and one line for everything that goes wrong.
 */
import assert from "node:assert/strict";
import { cp, mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createProcessEngine } from "../src/engine/process_engine.ts";
import { emojiDir, exampleRequest } from "./emoji.ts";
import { HubDouble } from "./hub_double.ts";
import { assertEmoji, published } from "./pull_home.ts";
import { neededFiles, type Repos, transformerRepo } from "./published_emoji.ts";
import { type Ended, root, runTask, taskCommand } from "./task_command.ts";

const big = `${transformerRepo}/diffusion_pytorch_model-00001-of-00002.safetensors`;

interface Desk extends AsyncDisposable {
  readonly path: string;
  readonly modelsDir: string;
  readonly double: HubDouble;
  readonly env: Record<string, string>;
  pull(args: readonly string[], env?: Record<string, string>): Promise<Ended>;
}

/** A user with a home of their own, and a mirror that sends large files from elsewhere. */
async function desk(repos: Repos = published): Promise<Desk> {
  const path = await Deno.makeTempDir({ prefix: "framecast-desk-" });
  const modelsDir = join(path, "models");
  await mkdir(modelsDir);
  const double = new HubDouble(repos);
  const env = {
    ...{
      HF_HOME: join(path, "hf"),
      HF_HUB_CACHE: "",
      HF_TOKEN: "",
      HF_HUB_OFFLINE: "",
      FRAMECAST_MODELS_DIR: modelsDir,
    },
    ...{ HF_ENDPOINT: `${double.endpoint}/`, FRAMECAST_HUB_HOSTS: double.storageHost, INIT_CWD: path },
  };
  return {
    ...{ path, modelsDir, double, env },
    pull: (args, more = {}) => runTask("pull", args, { ...env, ...more }),
    async [Symbol.asyncDispose]() {
      await double[Symbol.asyncDispose]();
      await rm(path, { recursive: true });
    },
  };
}

async function framesOf(modelDir: string): Promise<Uint8Array[]> {
  await using engine = createProcessEngine({ device: { kind: "cpu" } });
  const request = { ...await exampleRequest({ durationSeconds: 1.2, steps: 1 }), modelDir };
  const events = await Array.fromAsync(engine.generate(request, new AbortController().signal));
  return events.flatMap((event) => event.kind === "frames" ? [event.batch.pixels] : []);
}

Deno.test("deno task pull makes a model whose frames are those of the published files", async () => {
  await using here = await desk();
  const { code, stdout, stderr } = await here.pull(["framepack-i2v"]);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^\S*models\/framepack-i2v is ready; its transformer has \d+ tensors, float32\n$/);
  const lines = stderr.trimEnd().split("\n");
  assert.match(lines[0]!, new RegExp(`^${neededFiles.length} files, 2\\d\\.\\d MB, of which 0 kB are here$`));
  for (const name of neededFiles) {
    assert.equal(lines.filter((line) => line.startsWith(`${name}: `)).length, 2, `${name} begins and ends`);
  }
  // What a published model of this size would bring along: its size and its colours.
  const folder = join(here.modelsDir, "framepack-i2v");
  await cp(join(emojiDir, "framecast.json"), join(folder, "framecast.json"));
  const [ours, theirs] = [await framesOf(folder), await framesOf(emojiDir)];
  assert.ok(ours.length > 0);
  assert.deepEqual(ours, theirs);
});

Deno.test("Ctrl-C stops deno task pull, which goes on from there when it is typed again", async () => {
  await using here = await desk();
  here.double.faults.set(big, [{ kind: "stall", afterBytes: 1_000_000 }]);
  const { program, args } = await taskCommand("pull", here.env);
  const child = new Deno.Command(program, {
    args: [...args, "framepack-i2v"],
    cwd: root,
    env: { ...here.env, NO_COLOR: "1" },
    stdout: "null",
    stderr: "piped",
  }).spawn();
  let [said, isStopped] = ["", false];
  for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) {
    said += text;
    const isDone = said.match(/: done,/g)?.length === neededFiles.length - 1;
    // Everything but the file that stands still is here.
    if (isDone && !isStopped) child.kill("SIGINT");
    isStopped ||= isDone;
  }
  assert.equal((await child.status).code, 130);
  assert.match(said, /\nStopped\. \d+\.\d MB are here, the same command goes on from there\.\n$/);
  assert.deepEqual(await readdir(here.modelsDir), []);
  const again = await here.pull(["framepack-i2v"]);
  assert.equal(again.code, 0, again.stderr);
  assert.match(again.stderr, new RegExp(`${big}: \\d\\.\\d MB, going on from 1\\.0 MB`));
  const ranges = here.double.seen.filter(({ path }) => path === `/${big}`).map(({ range }) => range);
  assert.deepEqual(ranges, [null, "bytes=1000000-"]);
  await assertEmoji(join(here.modelsDir, "framepack-i2v"));
});

const hasScript = await new Deno.Command("script", { args: ["--version"], stdout: "null" }).output()
  .then(({ success }) => success, () => false);

Deno.test({
  name: "on a terminal, bars tell how far each file and all of them are (needs script, of util-linux)",
  ignore: !hasScript,
  async fn() {
    await using here = await desk();
    here.double.faults.set(big, [{ kind: "cut", afterBytes: 1_000_000 }]);
    const { program, args } = await taskCommand("pull", here.env);
    const line = [program, ...args, "framepack-i2v"].map((word) => `'${word}'`).join(" ");
    const { success, stdout } = await new Deno.Command("script", {
      args: ["-qefc", line, "/dev/null"],
      ...{ cwd: root, env: { ...here.env, TERM: "xterm" }, stdin: "null", stdout: "piped", stderr: "null" },
    }).output();
    const shown = new TextDecoder().decode(stdout);
    assert.ok(success, shown);
    assert.match(shown, /\d+% \| \d+\.\d MB of 2\d\.\d MB \| all files/);
    assert.match(
      shown,
      /\d+% \| 1\.0 MB of \d\.\d MB \| \S+00001-of-00002\.safetensors: ".*" ended at 1000000 of .*again in 1 s/,
    );
    assert.match(shown, /models\/framepack-i2v is ready; its transformer has \d+ tensors, float32\r\n/);
  },
});

Deno.test("deno task pull uses the token of whoever logged in, and HF_TOKEN before it", async () => {
  await using here = await desk({
    ...published,
    [transformerRepo]: { ...published[transformerRepo]!, token: "hf_right" },
  });
  await mkdir(here.env.HF_HOME!);
  await writeFile(join(here.env.HF_HOME!, "token"), "hf_right\n");
  const wrong = await here.pull(["framepack-i2v"], { HF_TOKEN: "hf_wrong" });
  assert.match(
    wrong.stderr,
    /^http\S+ does not show "lllyasviel\/FramePackI2V_HY" \(401\): the token in HF_TOKEN .*\n$/,
  );
  const right = await here.pull(["framepack-i2v"]);
  assert.equal(right.code, 0, right.stderr);
});

/** What is typed, with which variables, and what is said about it. */
const mistakes: readonly (readonly [args: string, env: Record<string, string>, says: RegExp])[] = [
  ["framepack", {}, /^There is no published model "framepack", only framepack-i2v and framepack-f1; --transformer /],
  ["framepack-i2v framepack-f1", {}, /^Cannot use "framepack-f1": one model at a time; deno task pull --help /],
  ["--transformer x.safetensors", {}, /^The name of the model is missing; deno task pull --help lists every option$/],
  ["mine --transformer", {}, /^Option '--transformer <value>' argument missing; /],
  ["mine --weights x", {}, /^Unknown option '--weights'; /],
  [
    "mine --transformer x.safetensors",
    {},
    /^Cannot use ".*framecast-desk-.*\/x\.safetensors": there is no such file or /,
  ],
  ["mine --transformer hf://x", {}, /^Cannot read "hf:\/\/x": it must be hf:\/\/OWNER\/NAME\[@REVISION\]\[\/PATH\]$/],
  [
    "mine --transformer hf://a/none",
    { HF_TOKEN: "hf_x" },
    /^There is no "a\/none" on http:\/\/127\.0\.0\.1:\d+ \(404\)$/,
  ],
  [
    "framepack-i2v",
    { HF_HUB_OFFLINE: "1" },
    /^The cache ".*\/hf\/hub" has nothing of "lllyasviel\/FramePackI2V_HY"; HF_HUB_/,
  ],
  ["framepack-i2v", { HF_ENDPOINT: "hub.example" }, /^HF_ENDPOINT="hub\.example" must be an address such as https:/],
  ["framepack-i2v", { HF_ENDPOINT: "http://127.0.0.1:59999" }, /^Cannot reach http:\/\/127\.0\.0\.1:59999: .*refused/],
  [
    "framepack-i2v",
    { FRAMECAST_HUB_HOSTS: "" },
    /^The hub sends .* to "127\.0\.0\.1:\d+", which this command may not call; /,
  ],
  ["framepack-i2v", { FRAMECAST_HUB_HOSTS: "http://x" }, /^FRAMECAST_HUB_HOSTS="http:\/\/x" must be hosts such as /],
];

Deno.test("a wrong command, and a hub that may not be called, is one line and exit code 1", async () => {
  await using here = await desk();
  for (const [line, env, says] of mistakes) {
    const { code, stdout, stderr } = await here.pull(line.split(" "), env);
    assert.match(stderr.trimEnd().split("\n").at(-1)!, says);
    assert.equal(stderr.split("\n").filter((text) => !/ files?, |: \d|: done/.test(text)).length, 2, stderr);
    assert.equal(code, 1, line);
    assert.equal(stdout, "", line);
    assert.deepEqual(await readdir(here.modelsDir), [], line);
  }
  const { code, stdout } = await here.pull(["--help"]);
  assert.equal(code, 0);
  assert.match(stdout, /^Usage:\n {2}deno task pull framepack-i2v\|framepack-f1\n/);
});

/** Another user of this computer, if a process may be started as one: root may, and nobody else. */
const nobody = { uid: 65534, gid: 65534 };

async function canBeNobody(): Promise<boolean> {
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-read", "--no-check", join(root, "permissions.ts")],
    ...{ ...nobody, env: { DENO_DIR: "/nonexistent" }, stdout: "null", stderr: "piped" },
  });
  // It gets as far as its own complaint when it can read this repository.
  const output = await command.output().catch(() => null);
  return new TextDecoder().decode(output?.stderr).includes("There is no permission list");
}

Deno.test({
  name: "a cache of another user is used as far as it goes, and told when it would have to be written (needs root)",
  ignore: !await canBeNobody(),
  async fn() {
    await using here = await desk();
    await Deno.chmod(here.path, 0o755);
    const { program, args } = await taskCommand("pull", here.env);
    const theirs = join(here.path, "theirs");
    await mkdir(theirs);
    await Deno.chown(theirs, nobody.uid, nobody.gid);
    const asNobody = async (env: Record<string, string>) => {
      const { code, stderr } = await new Deno.Command(program, {
        ...{ args: [...args, "framepack-i2v"], cwd: root, ...nobody, stdout: "null", stderr: "piped" },
        env: { ...here.env, NO_COLOR: "1", DENO_DIR: join(theirs, "deno"), FRAMECAST_MODELS_DIR: theirs, ...env },
      }).output();
      return { code, said: new TextDecoder().decode(stderr).trimEnd().split("\n").at(-1)! };
    };
    await mkdir(here.env.HF_HOME!);
    const refused = await asNobody({});
    assert.match(
      refused.said,
      /^Cannot write ".*\.lock": this user may not write into ".*\/hf", which belongs to user id 0; HF_HUB_CACHE names /,
    );
    assert.equal(refused.code, 1);
    assert.equal((await here.pull(["framepack-i2v"])).code, 0);
    const modelless = await asNobody({ FRAMECAST_MODELS_DIR: here.modelsDir });
    assert.match(
      modelless.said,
      /^Cannot write ".*models\/\.framepack-i2v\.new": this user may not write into ".*\/models", .* id 0; FRAMECAST_MODELS/,
    );
    const linked = await asNobody({});
    assert.equal(linked.code, 0, linked.said);
    await assertEmoji(join(theirs, "framepack-i2v"));
  },
});

const mount = 'mount -t tmpfs -o size=8m none "$0" && exec "$@"';

/** Containers often forbid mounting. */
async function onSmallDisk(folder: string, command: readonly string[]): Promise<Deno.CommandOutput | null> {
  const args = ["--user", "--map-root-user", "--mount", "sh", "-c", mount, folder, ...command];
  return await new Deno.Command("unshare", { args, env: { NO_COLOR: "1" } }).output().catch(() => null);
}

Deno.test({
  name: "a disk that fills up all the same is told in one sentence, and what came is kept (needs unshare and mount)",
  ignore: !(await onSmallDisk(root, ["true"]))?.success,
  async fn() {
    await using here = await desk();
    const puller = fileURLToPath(new URL("small_disk_puller.ts", import.meta.url));
    const cacheDir = join(here.path, "small");
    await mkdir(cacheDir);
    const args = ["run", "-A", puller, cacheDir, here.modelsDir, here.double.endpoint];
    const output = (await onSmallDisk(cacheDir, [Deno.execPath(), ...args]))!;
    assert.ok(output.success, new TextDecoder().decode(output.stderr));
    const { said, keptBytes } = JSON.parse(new TextDecoder().decode(output.stdout));
    assert.match(said, /^Cannot write ".*\.incomplete": no space is left on the disk; what is there is kept$/);
    assert.ok(keptBytes > 6_000_000, `${keptBytes} bytes of 8 MB`);
  },
});
