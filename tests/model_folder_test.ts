/**
 * Model folders: any folder in the layout works, and one that is damaged is told in one sentence and harms nobody else.
 */
import assert from "node:assert/strict";
import { cp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { emojiDir, example, exampleBlob } from "./emoji.ts";
import { splitIntoShards } from "./shards.ts";
import { type ServerProcess, startServerProcess } from "./server_process.ts";
import { sessionForm } from "./server_fixture.ts";
import { runTask } from "./task_command.ts";
import { writeTinyModel } from "./tiny_model.ts";

interface Fault {
  readonly name: string;
  /** Damages a good copy of the embedded model. */
  damage(dir: string): Promise<void>;
  /** Names the file, and the tensor or key at fault. */
  readonly says: RegExp;
}

const transformer = join("transformer", "diffusion_pytorch_model.safetensors");
const faults: readonly Fault[] = [
  {
    name: "missing-tensor",
    damage: (dir) =>
      editHeader(join(dir, "vae", "diffusion_pytorch_model.safetensors"), (header) => {
        header["decoder.conv_in.conv.renamed"] = header["decoder.conv_in.conv.weight"]!;
        delete header["decoder.conv_in.conv.weight"];
      }),
    says: /missing-tensor\/vae\/.* has no tensor "decoder\.conv_in\.conv\.weight"; nearest: ".*"/,
  },
  {
    name: "wrong-shape",
    damage: (dir) => editHeader(join(dir, transformer), (header) => void header["proj_out.weight"]!.shape.reverse()),
    says: /"proj_out\.weight" of .*wrong-shape\/transformer\/.*: its shape is \[128, 64\], expected \[64, 128\]/,
  },
  {
    name: "truncated-shard",
    damage: async (dir) => {
      const [, second] = await splitIntoShards(join(dir, "transformer"));
      await truncate(second, (await Deno.stat(second)).size - 1000);
    },
    says: /truncated-shard\/transformer\/diffusion_pytorch_model-00002-of-00002\.safetensors is truncated: tensor ".*"/,
  },
  {
    name: "missing-shard",
    damage: async (dir) => rm((await splitIntoShards(join(dir, "transformer")))[0]),
    says: /missing-shard\/transformer\/.*index\.json names the shard "diffusion_pytorch_model-00001-of-00002/,
  },
  {
    name: "lying-header",
    damage: (dir) =>
      editHeader(join(dir, "text_encoder", "model.safetensors"), (header) => {
        header["embed_tokens.weight"]!.shape[0]! += 1000;
      }),
    says:
      /lying-header\/text_encoder\/model\.safetensors is damaged: tensor "embed_tokens\.weight" of \w+ \[.*\] needs/,
  },
  {
    name: "lying-length",
    damage: async (dir) => {
      const file = join(dir, "image_encoder", "model.safetensors");
      const bytes = await readFile(file);
      bytes.writeBigUInt64LE(1n << 60n);
      await writeFile(file, bytes);
    },
    says: /lying-length\/image_encoder\/model\.safetensors is damaged: it claims a header of 1152921504606846976 bytes/,
  },
  {
    name: "missing-key",
    damage: async (dir) => {
      const file = join(dir, "transformer", "config.json");
      const { num_layers: _gone, ...config } = JSON.parse(await readFile(file, "utf8"));
      await writeFile(file, JSON.stringify(config));
    },
    says: /missing-key\/transformer\/config\.json".*num_layers/,
  },
  {
    name: "no-json",
    damage: (dir) => writeFile(join(dir, "vae", "config.json"), '{"latent_channels": 16,'),
    says: /no-json\/vae\/config\.json": it is not valid JSON/,
  },
  {
    name: "missing-file",
    damage: (dir) => rm(join(dir, "tokenizer", "tokenizer.json")),
    says: /missing-file": it has no "tokenizer\/tokenizer\.json"/,
  },
];

type Header = Record<string, { readonly shape: number[] }>;

/** Writes a weight file's header anew; its data stays. */
async function editHeader(file: string, edit: (header: Header) => void): Promise<void> {
  const bytes = await readFile(file);
  const dataStart = 8 + Number(bytes.readBigUInt64LE());
  const header = JSON.parse(bytes.subarray(8, dataStart).toString());
  edit(header);
  const text = new TextEncoder().encode(JSON.stringify(header));
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(text.length), true);
  await writeFile(file, [length, text, bytes.subarray(dataStart)]);
}

/** A folder of models that goes away with its owner. */
async function modelsFolder(): Promise<{ readonly path: string } & AsyncDisposable> {
  const path = await Deno.makeTempDir({ prefix: "framecast-models-" });
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) };
}

async function copyEmoji(dir: string): Promise<void> {
  await cp(emojiDir, dir, { recursive: true, filter: (path) => !path.endsWith("/samples") });
}

/** What the API says about a session with this model: the refusal, or why the session failed. */
async function complaint(server: ServerProcess, model: string): Promise<string> {
  const form = await sessionForm({ model, durationSeconds: "1", steps: "1" }, await exampleBlob());
  const response = await server.request("/api/sessions", { method: "POST", body: form });
  const answer = await response.json();
  if (response.status !== 202) return answer.detail;
  const { state, problem } = await server.ended(answer.id);
  assert.equal(state, "failed");
  assert.match(problem!.type, /problem-model-broken$/, problem!.detail);
  return problem!.detail;
}

Deno.test("a damaged model folder fails its session with one clear sentence, over HTTP and in the CLI, and no other", async () => {
  await using models = await modelsFolder();
  await copyEmoji(join(models.path, "emoji"));
  await using server = await startServerProcess({ env: { FRAMECAST_MODELS_DIR: models.path } });
  const out = await Deno.makeTempDir({ prefix: "framecast-out-", dir: tmpdir() });
  try {
    for (const { name, damage, says } of faults) {
      const dir = join(models.path, name);
      await copyEmoji(dir);
      await damage(dir);
      const detail = await complaint(server, name);
      assert.match(detail, says);
      assert.match(detail, /^[^\n]+$/);

      const args = ["--image", example.file, "--prompt", "x", "--out", join(out, "video.mp4"), "--model", dir];
      const { code, stderr } = await runTask("generate", [...args, "--seconds", "1", "--steps", "1"]);
      assert.equal(code, 1, name);
      assert.match(stderr, /^[^\n]+\n$/, `${name} is one line`);
      assert.match(stderr, says);
      assert.deepEqual(await readdir(out), [], "nothing is left behind");
      await rm(dir, { recursive: true });
    }
    const { id } = await server.start({ durationSeconds: "1", steps: "1" }, await exampleBlob());
    assert.equal((await server.ended(id)).state, "completed");
  } finally {
    await rm(out, { recursive: true });
  }
});

Deno.test("weights in shards give the video that one file gives", async () => {
  await using models = await modelsFolder();
  await copyEmoji(join(models.path, "emoji"));
  const files: Uint8Array[] = [];
  for (const shape of ["one file", "shards"]) {
    if (shape === "shards") await splitIntoShards(join(models.path, "emoji", "transformer"));
    const out = join(models.path, `${files.length}.mp4`);
    const { code, stderr } = await runTask("generate", [
      ...["--image", example.file, "--prompt", example.prompt, "--out", out, "--seconds", "1", "--steps", "2"],
    ], { FRAMECAST_MODELS_DIR: models.path });
    assert.equal(code, 0, stderr);
    files.push(await readFile(out));
  }
  assert.deepEqual(files[1], files[0]);
});

Deno.test("another model works: by FRAMECAST_MODELS_DIR, by its path, and with generate --model", async () => {
  await using models = await modelsFolder();
  const dir = join(models.path, "tiny-a");
  await writeTinyModel("tiny-a", dir);
  const settings = { durationSeconds: "1", steps: "2", resolution: "64x64" };
  const env = { FRAMECAST_MODELS_DIR: models.path, FRAMECAST_MODEL: "tiny-a" };
  await using server = await startServerProcess({ env });
  await using other = await startServerProcess();
  for (const [where, asked] of [[server, settings], [other, { ...settings, model: dir }]] as const) {
    const view = await where.ended((await where.start(asked)).id);
    assert.equal(view.state, "completed");
    assert.deepEqual([view.plan.widthPx, view.plan.heightPx, view.video?.frames], [64, 64, 37]);
  }
  const out = join(models.path, "video.mp4");
  const args = ["--image", example.file, "--prompt", "x", "--out", out, "--model", dir];
  const { code, stdout, stderr } = await runTask("generate", [
    ...args,
    ...["--seconds", "1", "--steps", "2", "--resolution", "64x64"],
  ]);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /video\.mp4: 1\.23 s, 37 frames/);
});
