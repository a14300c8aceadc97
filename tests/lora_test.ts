/**
 * LoRA files from the API and the command line to the frames: by name and strength, several at once, per session.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Engine, LoraFile } from "../src/engine/mod.ts";
import { createProcessEngine } from "../src/engine/process_engine.ts";
import { createTestPatternEngine } from "../src/engine/test_pattern.ts";
import { writeSafetensors } from "../src/engine/onnx/safetensors.ts";
import { float32Tensor } from "../src/engine/onnx/tensor.ts";
import { emojiDir, example, exampleRequest } from "./emoji.ts";
import { createListeningEngine } from "./listening_engine.ts";
import { loraTensors, seenModules, writeLora } from "./lora_files.ts";
import { sessionForm, startServer } from "./server_fixture.ts";
import { runTask } from "./task_command.ts";

/** A shared folder: `ink` and `ink-peft` hold the same numbers, `oil` others; `foreign` and `broken` cannot be used. */
async function loraFolder() {
  const dir = await mkdtemp(join(tmpdir(), "framecast-loras-"));
  const file = (name: string) => join(dir, `${name}.safetensors`);
  await writeLora(file("ink"), emojiDir, { format: "kohya", modules: seenModules });
  await writeLora(file("ink-peft"), emojiDir, { format: "peft", modules: seenModules });
  await writeLora(file("oil"), emojiDir, { format: "kohya", modules: seenModules.slice(1), seed: "oil", alpha: 2 });
  const foreign = float32Tensor([4, 4], new Float32Array(16));
  await writeSafetensors(file("foreign"), { "lora_unet_input_blocks_1_0.lora_down.weight": foreign });
  const broken = await loraTensors(emojiDir, { format: "peft", modules: seenModules });
  Object.values(broken)[1]!.data[7] = Infinity;
  await writeSafetensors(file("broken"), broken);
  return { dir, file, [Symbol.asyncDispose]: () => rm(dir, { recursive: true }) };
}

/** Hash of every frame that the request makes. */
async function framesOf(engine: Engine, loras?: readonly LoraFile[]): Promise<string> {
  const request = await exampleRequest({ durationSeconds: 1, schedule: "forward", previews: false });
  const hash = createHash("sha256");
  const signal = new AbortController().signal;
  for await (const event of engine.generate({ ...request, ...(loras ? { loras } : {}) }, signal)) {
    if (event.kind === "frames") hash.update(event.batch.pixels);
  }
  return hash.digest("hex");
}

Deno.test("LoRAs change the frames by file and strength, and the model is bit-equal to itself afterwards", async () => {
  await using folder = await loraFolder();
  await using engine = createProcessEngine({ device: { kind: "cpu" }, idleThreads: "sleep" });
  const under = (...loras: [name: string, strength: number][]) =>
    framesOf(engine, loras.map(([name, strength]) => ({ file: folder.file(name), strength })));
  const bare = await framesOf(engine);
  const ink = await under(["ink", 0.5]);
  assert.notEqual(ink, bare);
  assert.equal(await under(["ink-peft", 0.5]), ink, "the format does not count");
  assert.notEqual(await under(["ink", 0.25]), ink, "the strength counts");
  assert.equal(await framesOf(engine), bare);
  const both = await under(["ink", 0.5], ["oil", -0.5]);
  assert.notEqual(both, ink);
  assert.notEqual(both, bare);
  assert.equal(await under(["ink", 0]), bare);
  assert.equal(await under(["ink", 0.5]), ink);
  await assert.rejects(under(["broken", 1]), { name: "RequestError", field: "loras", message: /holds Infinity/ });
  assert.equal(await framesOf(engine), bare);
});

Deno.test("a session hands its LoRAs to the engine, and its view and its file tell them", async () => {
  await using folder = await loraFolder();
  const { engine, requests } = createListeningEngine();
  await using server = await startServer({ engine, lorasDir: folder.dir });
  const asked = [{ name: "ink" }, { name: "oil", strength: -0.75 }];
  const { id } = await server.start({ durationSeconds: "1", loras: JSON.stringify(asked) });
  const { state, settings, links } = await server.ended(id);
  assert.equal(state, "completed");
  const told = [{ name: "ink", strength: 1 }, { name: "oil", strength: -0.75 }];
  assert.deepEqual(settings.loras, told);
  assert.deepEqual(requests.map(({ loras }) => loras), [[{ file: folder.file("ink"), strength: 1 }, {
    file: folder.file("oil"),
    strength: -0.75,
  }]]);
  const file = new TextDecoder("latin1").decode(await (await server.request(links.video)).bytes());
  assert.ok(file.includes(`"loras":${JSON.stringify(told)}`), "the recipe holds them");
  const { id: bare } = await server.start({ durationSeconds: "1" });
  assert.deepEqual((await server.ended(bare)).settings.loras, []);
  assert.deepEqual(requests.at(-1)!.loras, []);
});

Deno.test("/api/models lists LoRAs, and why one cannot be used", async () => {
  await using folder = await loraFolder();
  await using server = await startServer({ lorasDir: folder.dir });
  const [{ loras }] = await (await server.request("/api/models")).json();
  assert.deepEqual(loras.map(({ name, fault }: { name: string; fault: string | null }) => [name, fault === null]), [
    ["broken", true], // its header is in order
    ["foreign", false],
    ["ink", true],
    ["ink-peft", true],
    ["oil", true],
  ]);
  assert.match(
    loras[1].fault,
    /^Cannot apply the LoRA "foreign": it was made for another model, whose "input_blocks_1_0"/,
  );
});

const refused: readonly (readonly [loras: string, field: string, says: RegExp])[] = [
  ['[{"name":"none"}]', "loras", /^There is no LoRA "none" for this model, there is "broken", "foreign", "ink", /],
  ['[{"name":"../ink"}]', "loras", /^There is no LoRA "\.\.\/ink" for this model/],
  ['[{"name":"foreign"}]', "loras", /^Cannot apply the LoRA "foreign": it was made for another model/],
  ['[{"name":"broken"}]', "loras", /^Cannot apply the LoRA "broken": ".*lora_B\.weight" holds Infinity at place 7$/],
  ['[{"name":"ink","strength":11}]', "loras.0.strength", /^loras\.0\.strength must be at most 10, got 11$/],
  ['[{"name":"ink","strength":"1"}]', "loras.0.strength", /must be a number, got "1"$/],
  ['[{"name":"ink"},{"name":"ink"}]', "loras", /^loras must name each LoRA once, got \[\{"name":"ink"/],
  ['[{"name":"ink","weight":1}]', "weight", /^There is no setting weight$/],
  ["ink:0.8", "loras", /^loras must be a list in JSON, got "ink:0\.8"$/],
  [JSON.stringify(Array(17).fill({ name: "ink" })), "loras", /loras must have at most 16 entries/],
];

Deno.test("a LoRA that cannot be used is refused before a session is made", async () => {
  await using folder = await loraFolder();
  await using server = await startServer({ lorasDir: folder.dir });
  for (const [loras, field, says] of refused) {
    const body = await sessionForm({ loras });
    const response = await server.request("/api/sessions", { method: "POST", body });
    assert.equal(response.status, 422, loras);
    const problem = await response.json();
    assert.equal(problem.field, field);
    assert.match(problem.detail, says);
  }
  assert.deepEqual(server.sessions.list(), []);
});

Deno.test("a LoRA that is gone when its turn comes fails the session with its name", async () => {
  await using folder = await loraFolder();
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  const drawing = createTestPatternEngine();
  const engine: Engine = {
    ...drawing,
    async *warm() {
      await gate;
      yield* [];
    },
  };
  await using server = await startServer({ engine, lorasDir: folder.dir });
  const { id } = await server.start({ durationSeconds: "1", loras: '[{"name":"ink"}]' });
  await rm(folder.file("ink"));
  open();
  const { state, problem } = await server.ended(id);
  assert.equal(state, "failed");
  assert.match(problem!.detail, /^There is no LoRA "ink" for this model/);
});

Deno.test("generate --lora takes names and files, and refuses in one line what it cannot use", async () => {
  await using folder = await loraFolder();
  const out = join(folder.dir, "out");
  await mkdir(out);
  await writeFile(join(out, "text.safetensors"), "no safetensors");
  const env = { FRAMECAST_LORAS_DIR: folder.dir, INIT_CWD: out };
  const options = ["--image", example.file, "--prompt", "x", "--seconds", "1", "--steps", "1"];
  const run = (name: string, ...loras: string[]) =>
    runTask("generate", [...options, "--out", `${name}.mp4`, ...loras.flatMap((lora) => ["--lora", lora])], env);
  const frames = async (name: string) => createHash("sha256").update(await Deno.readFile(join(out, `${name}.mp4`)));
  for (const [name, ...loras] of [["bare"], ["named", "ink:0.5"], ["file", `${folder.file("ink")}:0.5`]] as const) {
    const { code, stderr } = await run(name, ...loras);
    assert.equal(code, 0, stderr);
  }
  const [bare, named, file] = await Promise.all(["bare", "named", "file"].map(frames));
  const hashes = [bare, named, file].map((hash) => hash!.digest("hex"));
  assert.equal(hashes[1], hashes[2]);
  assert.notEqual(hashes[0], hashes[1]);
  const mistakes: readonly (readonly [string[], RegExp])[] = [
    [["none"], /^There is no LoRA "none" for this model, there is "broken", .*, and no such file$/],
    [["ink:strong"], /^Cannot use --lora "ink:strong": it must be a number$/],
    [["ink:99"], /^Cannot use --lora "ink:99": it must be at most 10$/],
    [["ink", "ink:2"], /^Cannot use --lora "ink ink:2": it must name each LoRA once$/],
    [["foreign"], /^Cannot apply the LoRA "foreign": it was made for another model/],
    [["text.safetensors"], /^Cannot apply the LoRA "text": .*text\.safetensors is damaged: /],
  ];
  for (const [loras, says] of mistakes) {
    const { code, stdout, stderr } = await run("none", ...loras);
    assert.equal(code, 1, loras.join());
    assert.equal(stdout, "");
    assert.match(stderr, /^[^\n]+\n$/);
    assert.match(stderr.trimEnd(), says);
  }
});
