/**
 * `deno task doctor`, as it is started: the same permissions, an nvidia-smi that says what a test wants.
 * @module
 */
import assert from "node:assert/strict";
import { cp } from "node:fs/promises";
import { join } from "node:path";
import type { Examination } from "../src/doctor/mod.ts";
import { SessionStore } from "../src/session/store.ts";
import { emojiDir } from "./emoji.ts";
import { writeHollowModel } from "../bench/published_model.ts";
import { type Ended, runTask } from "./task_command.ts";

/** A folder with models, data and programs of its own. */
interface Machine extends AsyncDisposable {
  readonly modelsDir: string;
  readonly dataDir: string;
  doctor(args?: readonly string[], env?: Readonly<Record<string, string>>): Promise<Ended>;
  /** With `--json`. */
  examine(env?: Readonly<Record<string, string>>): Promise<Examination>;
}

const noGpu = "No devices were found";

/** @param gpu the line that nvidia-smi prints */
async function machine(gpu = noGpu): Promise<Machine> {
  const folder = await Deno.makeTempDir({ prefix: "framecast-doctor-" });
  const [modelsDir, dataDir, binDir] = ["models", "data", "bin"].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  for (const dir of [modelsDir, dataDir, binDir]) await Deno.mkdir(dir);
  const isOfUse = (path: string) => !/[/\\](examples|samples)\b/.test(path);
  await cp(emojiDir, join(modelsDir, "emoji"), { recursive: true, filter: isOfUse });
  await Deno.writeTextFile(join(binDir, "nvidia-smi"), `#!/bin/sh\necho "${gpu}"\n`, { mode: 0o755 });
  const doctor = (args: readonly string[] = [], env = {}) =>
    runTask("doctor", args, {
      PATH: `${binDir}:${Deno.env.get("PATH")}`,
      FRAMECAST_MODELS_DIR: modelsDir,
      FRAMECAST_DATA_DIR: dataDir,
      FRAMECAST_PORT: "0",
      ...env,
    });
  return {
    ...{ modelsDir, dataDir, doctor },
    examine: async (env) => JSON.parse((await doctor(["--json"], env)).stdout),
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}

const small = "0, NVIDIA GeForce RTX 3060 Laptop GPU, 580.95.05, 8.6, 6144, 5900";
const finding = ({ findings }: Examination, subject: string) => findings.find((one) => one.subject === subject);

Deno.test("doctor says that the embedded model can run, on a machine without a GPU", async () => {
  await using bare = await machine();
  const { code, stdout, stderr } = await bare.doctor();
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^ok +model emoji \(default\) +whole, 14 MB of weights$/m);
  assert.match(stdout, /^ok +H\.264 +libx264$/m);
  assert.match(stdout, /^ok +VP8 +libvpx$/m);
  assert.match(stdout, /emoji, 96 × 96, 6 steps: not yet measured/);
  assert.match(stdout, /^ +640 × 608 +[\d.]+ GB, unstreamed [\d.]+ /m);
  assert.match(stdout, /\nThe model emoji can run here\.\n$/);
});

Deno.test("doctor tells measured seconds per frame, and only those", async () => {
  await using bare = await machine();
  {
    using store = new SessionStore(join(bare.dataDir, "sessions.sqlite"));
    const size = { widthPx: 96, heightPx: 96 };
    store.saveMeasurement("emoji", "CPU", { ...size, secondsPerStep: 0.25, secondsPerDecode: 0.3 });
    store.saveMeasurement("deleted", "CPU", { ...size, secondsPerStep: 1, secondsPerDecode: 1 });
  }
  const [speed, ...others] = (await bare.examine()).speeds!;
  // 6 steps and a decoding for 36 frames.
  assert.deepEqual([speed!.device, speed!.secondsPerFrame, others], ["CPU", (6 * 0.25 + 0.3) / 36, []]);
  using _server = new SessionStore(join(bare.dataDir, "sessions.sqlite"));
  const { stdout } = await bare.doctor();
  assert.match(stdout, /a server is at work in FRAMECAST_DATA_DIR/);
  assert.doesNotMatch(stdout, /not yet measured; the first/);
});

Deno.test("doctor plans FramePack for the GPU that is there, within the limits that are set", async () => {
  await using laptop = await machine(small);
  const { memory, ...all } = await laptop.examine({ FRAMECAST_VRAM_RESERVE: "0MB" });
  assert.match(finding(all as Examination, "GPU 0")!.says, /RTX 3060 Laptop GPU, 6\.2 GB of 6\.4 GB free/);
  assert.deepEqual([memory.model, memory.gpu!.index], ["FramePack as published", 0]);
  const { answer, precision, widthPx } = memory.expectations[0]!;
  assert.deepEqual([widthPx, precision, answer!.kind, answer!.limitBytes], [640, "bf16", "planned", 5900 * 2 ** 20]);
  assert.ok(answer!.kind === "planned" && answer!.llama === "streamed", "6 GB are enough");
  const limited = await laptop.doctor([], { FRAMECAST_VRAM_LIMIT: "2GB" });
  assert.match(limited.stdout, /640 × 608 +does not fit, [\d.]+ GB missing/);
  assert.match(
    limited.stdout,
    /640 × 608 in bfloat16 needs [\d.]+ GB of VRAM for decoding, of which [\d.]+ GB are missing \(2\.00 GB may be used\)/,
  );
  const wrong = await laptop.doctor([], { FRAMECAST_VRAM_LIMIT: "lots" });
  assert.deepEqual([wrong.code, wrong.stderr], [
    1,
    'FRAMECAST_VRAM_LIMIT="lots" must be a size such as 6GiB, 5.5GB or 512MiB\n',
  ]);
});

Deno.test("doctor looks at each GPU that is named, and says how two are used", async () => {
  await using pair = await machine(`${small}\n1, NVIDIA GeForce RTX 3060, 580.95.05, 8.6, 12288, 300`);
  await writeHollowModel(join(pair.modelsDir, "framepack-i2v"), emojiDir);
  const one = await pair.examine();
  assert.equal(finding(one, "GPUs")!.command, "FRAMECAST_DEVICE=cuda:0,cuda:1");
  const env = { FRAMECAST_MODEL: "framepack-i2v", FRAMECAST_DEVICE: "cuda:0,cuda:1,cuda:2" };
  const several = await pair.examine(env);
  assert.equal(finding(several, "GPUs"), undefined);
  const told = ["memory for framepack-i2v on GPU 0", "memory for framepack-i2v on GPU 1", "GPU 2"]
    .map((subject) => finding(several, subject)!);
  assert.deepEqual(told.map(({ level, need }) => [level, need]), [
    ["ok", "optional"],
    ["missing", "optional"],
    ["missing", "optional"],
  ], "one is enough");
  const none = await pair.examine({ ...env, FRAMECAST_DEVICE: "cuda:1,cuda:2" });
  assert.equal(finding(none, "GPU 2")!.need, "required");
});

Deno.test("doctor ends with code 1 when the default model is missing or damaged, and says what is", async () => {
  await using bare = await machine();
  const missing = await bare.doctor([], { FRAMECAST_MODEL: "framepack-i2v" });
  assert.equal(missing.code, 1);
  assert.match(
    missing.stdout,
    /^missing +model framepack-i2v \(default\) +there is no folder ".*framepack-i2v"\n +→ /m,
  );
  assert.match(missing.stdout, /\nThe model framepack-i2v cannot run here: model framepack-i2v \(default\)\.\n$/);
  await Deno.mkdir(join(bare.modelsDir, "empty"));
  const { findings, canRun } = await bare.examine();
  assert.equal(canRun, true, "another model may be as it is");
  assert.match(finding({ findings } as Examination, "model empty")!.says, /it has no "transformer\/config\.json"/);
});

Deno.test("doctor reads the headers of a 13B model, and says that it needs a GPU", async () => {
  await using bare = await machine();
  await writeHollowModel(join(bare.modelsDir, "framepack-i2v"), emojiDir);
  const { code, stdout } = await bare.doctor([], { FRAMECAST_MODEL: "framepack-i2v" });
  assert.equal(code, 1);
  assert.match(stdout, /^ok +model framepack-i2v \(default\) +whole, 42\.\d GB of weights$/m);
  assert.match(stdout, /\nThe model framepack-i2v cannot run here: GPU\b.*\.\n$/);
  const truncated = join(bare.modelsDir, "framepack-i2v", "vae", "diffusion_pytorch_model.safetensors");
  await Deno.truncate(truncated, 500_000_000);
  const damaged = await bare.examine({ FRAMECAST_MODEL: "framepack-i2v" });
  assert.match(finding(damaged, "model framepack-i2v (default)")!.says, /is truncated: tensor "/);
});

Deno.test("doctor tells a port in use, and takes no other argument than --json", async () => {
  await using bare = await machine();
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const examination = await bare.examine({ FRAMECAST_PORT: `${taken.addr.port}` });
  const port = finding(examination, "port")!;
  assert.deepEqual([port.level, examination.canRun], ["note", true]);
  assert.equal(port.says, `${taken.addr.port} of 127.0.0.1 is in use, by framecast itself or by another program`);
  const wrong = await bare.doctor(["--yaml"]);
  assert.deepEqual([wrong.code, wrong.stderr], [
    1,
    "Unknown option '--yaml'; deno task doctor takes --json and nothing else\n",
  ]);
});
