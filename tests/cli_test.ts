/**
 * `deno task generate` as a user types it: the same video as through the API, and one line for every mistake.
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { findFfmpeg } from "../src/ffmpeg.ts";
import { readFileFrames } from "../src/session/file_frames.ts";
import { example, exampleBlob } from "./emoji.ts";
import { canSeeProcesses, descendantsOf } from "./processes.ts";
import { startServerProcess } from "./server_process.ts";
import { root, runTask, taskCommand } from "./task_command.ts";

/** A folder that goes away with its owner. */
async function temporaryFolder(): Promise<{ readonly path: string } & AsyncDisposable> {
  const path = await Deno.makeTempDir({ prefix: "framecast-cli-" });
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) };
}

/** Decoded frames, RGB24, and the text of the comment tag. */
async function contentOf(file: string, count: number): Promise<{ frames: Uint8Array[]; recipe: unknown }> {
  const ffmpeg = await findFfmpeg();
  const format = { widthPx: 96, heightPx: 96, frameRate: 30 };
  const frames = await Array.fromAsync(readFileFrames(ffmpeg, file, format, { first: 0, frames: count }, 1));
  await using process = ffmpeg.start(["-v", "error", "-i", file, "-f", "ffmetadata", "pipe:1"]);
  const tags = await new Response(process.readable).text();
  const comment = /^comment=(.*)$/m.exec(tags)?.[1]?.replaceAll(/\\(.)/g, "$1");
  return { frames, recipe: comment && JSON.parse(comment) };
}

Deno.test("generate makes the file that the API makes: frame by frame, and with the same recipe", async () => {
  await using folder = await temporaryFolder();
  const settings = { durationSeconds: "2.4", seed: "7", steps: "2" };
  const { code, stdout, stderr } = await runTask("generate", [
    ...["--image", example.file, "--prompt", example.prompt, "--out", "here.mp4"],
    ...["--seconds", settings.durationSeconds, "--seed", settings.seed, "--steps", settings.steps],
    ...["--prompt-at", "1.2:The sailboat: fades."],
  ], { INIT_CWD: folder.path });
  assert.equal(code, 0, stderr);
  assert.match(stdout, /here\.mp4: 2\.43 s, 73 frames, \d+ bytes\n$/);
  assert.deepEqual(await readdir(folder.path), ["here.mp4"]);

  await using server = await startServerProcess();
  const promptChanges = [{ atSeconds: 1.2, prompt: "The sailboat: fades." }];
  const form = { prompt: example.prompt, promptChanges: JSON.stringify(promptChanges), ...settings };
  const { id } = await server.start(form, await exampleBlob());
  const { links, video } = await server.ended(id);
  assert.equal(video?.frames, 73);
  const there = join(folder.path, "there.mp4");
  await Deno.writeFile(there, (await server.request(links.video)).body!);
  const [ofCli, ofApi] = [await contentOf(join(folder.path, "here.mp4"), 73), await contentOf(there, 73)];
  assert.equal(ofCli.frames.length, 73);
  assert.ok(ofCli.frames.every((frame, n) => n === 0 || Buffer.compare(frame, ofCli.frames[n - 1]!) !== 0), "it moves");
  assert.deepEqual(ofCli, ofApi);
  assert.deepEqual(ofCli.recipe, {
    framecast: 1,
    prompt: example.prompt,
    promptChanges,
    negativePrompt: "",
    durationSeconds: 2.4,
    seed: 7,
    cfgRescale: 0,
    teaCacheThreshold: 0,
    windowLatentFrames: 9,
    loras: [],
    start: "picture",
    endStrength: null,
    widthPx: 96,
    heightPx: 96,
    schedule: "inverted",
    steps: 2,
    guidance: 10,
    cfg: 1,
    model: "emoji",
  });
});

Deno.test("generate --no-recipe keeps prompt and settings out of the file", async () => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, "bare.mp4");
  const { code, stderr } = await runTask("generate", [
    ...["--image", example.file, "--prompt", "a very special prompt", "--out", file],
    ...["--seconds", "1", "--steps", "1", "--no-recipe"],
  ]);
  assert.equal(code, 0, stderr);
  const text = new TextDecoder("latin1").decode(await Deno.readFile(file));
  assert.doesNotMatch(text, /a very special prompt|framecast/);
});

interface Interruption {
  readonly name: string;
  readonly ignore: boolean;
  interrupt(child: Deno.ChildProcess): Promise<void>;
  readonly code: number;
  readonly says: RegExp;
}

async function killEngine({ pid }: Deno.ChildProcess): Promise<void> {
  const engine = (await descendantsOf(pid)).find((process) =>
    process.arguments.some((word) => word.endsWith("host.ts"))
  );
  Deno.kill(engine!.pid, "SIGKILL");
}

const stopped = { code: 130, says: /^Stopped\. The file holds what was finished\.$/, ignore: false };
const interruptions: readonly Interruption[] = [
  { name: "Ctrl+C", interrupt: (child) => Promise.resolve(child.kill("SIGINT")), ...stopped },
  { name: "SIGTERM", interrupt: (child) => Promise.resolve(child.kill("SIGTERM")), ...stopped },
  {
    name: "kill -9 of the engine",
    interrupt: killEngine,
    code: 1,
    says: /^The engine process was lost: it was ended by SIGKILL$/,
    ignore: !canSeeProcesses,
  },
];

for (const { name, interrupt, code, says, ignore } of interruptions) {
  Deno.test({
    name: `generate keeps what is finished as a file, and nothing else: ${name}`,
    ignore,
    async fn() {
      await using folder = await temporaryFolder();
      const out = join(folder.path, "part.mp4");
      const { program, args } = await taskCommand("generate");
      const options = ["--image", example.file, "--prompt", "x", "--out", out, "--seconds", "120", "--steps", "1"];
      const watcher = Deno.watchFs(folder.path);
      const child = new Deno.Command(program, {
        args: [...args, ...options],
        cwd: root,
        stdout: "piped",
        stderr: "piped",
      }).spawn();
      const output = child.output();
      for await (const { kind, paths } of watcher) {
        if (kind === "modify" && (await Deno.stat(paths[0]!).catch(() => null))?.size) break;
      }
      await interrupt(child);
      const ended = await output;
      assert.match(new TextDecoder().decode(ended.stderr).trimEnd(), says);
      assert.equal(ended.code, code);
      const [, count] = /part\.mp4: [\d.]+ s, (\d+) frames/.exec(new TextDecoder().decode(ended.stdout))!;
      assert.ok(Number(count) > 0 && Number(count) < 3600);
      assert.deepEqual(await readdir(folder.path), ["part.mp4"]);
      assert.equal((await contentOf(out, Number(count))).frames.length, Number(count));
    },
  });
}

/** Each line of options, with `IMAGE` and `OUT` for what is right, and what is said about it. */
const mistakes: readonly (readonly [args: string, says: RegExp])[] = [
  ["--prompt x --out OUT", /^--image is missing; deno task generate --help lists every option$/],
  ["--image IMAGE --prompt x", /^--out is missing; /],
  ["--image IMAGE --prompt x --out OUT --steps", /^Option '--steps <value>' argument missing; /],
  ["--image IMAGE --prompt x --out OUT --colour red", /^Unknown option '--colour'; /],
  ["--image IMAGE --prompt x --out OUT stray", /^Cannot use "stray": every value follows its option; /],
  ["--image FOLDER/none.png --prompt x --out OUT", /^Cannot read ".*none\.png": there is no such file$/],
  ["--image FOLDER --prompt x --out OUT", /^Cannot read ".*": .*directory/i],
  ["--image TEXT --prompt x --out OUT", /^Cannot use ".*text\.png"\. The file is not a PNG, JPEG/],
  ["--image TRUNCATED --prompt x --out OUT", /^Cannot use ".*truncated\.png"\. The image file is damaged/],
  ["--image IMAGE --prompt x --out OUT --seconds NaN", /^Cannot use --seconds "NaN": it must be a number$/],
  ["--image IMAGE --prompt x --out OUT --seconds 121", /^Cannot use --seconds "121": it must be at most 120$/],
  ["--image IMAGE --prompt x --out OUT --steps 1.5", /^Cannot use --steps "1\.5": it must be a whole number$/],
  ["--image IMAGE --prompt x --out OUT --prompt-at spins", /^Cannot use --prompt-at "spins": it must be SECONDS:TEXT$/],
  ["--image IMAGE --prompt x --out OUT --prompt-at 121:y", /^Cannot use --prompt-at "121:y": it must be at most 120$/],
  ["--image IMAGE --prompt x --out OUT --prompt-at 1.2.3:y", /^Cannot use --prompt-at "1\.2\.3": it must be a number$/],
  ["--image IMAGE --prompt x --out OUT --tea-cache 2", /^Cannot use --tea-cache "2": it must be at most 1$/],
  [
    "--image IMAGE --prompt x --out OUT --schedule sideways",
    /^Cannot use --schedule "sideways": it must be one of inverted, forward$/,
  ],
  ["--image IMAGE --prompt x --out OUT --resolution 100x96", /multiples of 32.*got 100x96.*128x96$/],
  ["--image IMAGE --prompt x --out OUT --model none", /^There is no model "none" in ".*models", and no such folder$/],
  ["--image IMAGE --prompt x --out FOLDER/none/video.mp4", /^Cannot write ".*": there is no folder ".*none"$/],
  ["--image IMAGE --prompt x --out /usr/video.mp4", /^Cannot write "\/usr\/video\.mp4": this command may write only /],
  ["--image IMAGE --prompt x --out FOLDER", /^Cannot write ".*": it is a folder$/],
];

Deno.test("a wrong command line is one line, exit code 1, and nothing is left behind", async () => {
  await using folder = await temporaryFolder();
  const picture = await Deno.readFile(example.file);
  const inputs = { TEXT: join(folder.path, "text.png"), TRUNCATED: join(folder.path, "truncated.png") };
  await Deno.writeTextFile(inputs.TEXT, "I am no picture");
  await Deno.writeFile(inputs.TRUNCATED, picture.subarray(0, picture.length / 2));
  const before = (await readdir(folder.path)).sort();
  const words = { ...inputs, IMAGE: example.file, OUT: join(folder.path, "video.mp4"), FOLDER: folder.path };
  for (const [line, says] of mistakes) {
    const args = line.split(" ").map((arg) =>
      Object.entries(words).reduce((text, [word, value]) => text.replace(word, value), arg)
    );
    const { code, stdout, stderr } = await runTask("generate", args);
    assert.equal(code, 1, line);
    assert.equal(stdout, "", line);
    assert.match(stderr, /^[^\n]+\n$/, `${line} is answered by one line`);
    assert.match(stderr.trimEnd(), says);
    assert.deepEqual((await readdir(folder.path)).sort(), before, line);
  }
});
