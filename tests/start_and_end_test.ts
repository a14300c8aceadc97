/**
 * What a video begins and ends with, over HTTP and on the command line: a picture, none, a picture to be led to.
 */
import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { decodeImage, encodePng } from "../src/image.ts";
import { example } from "./emoji.ts";
import { createGatedEngine } from "./gated_engine.ts";
import { createListeningEngine } from "./listening_engine.ts";
import { sessionForm, startServer, type TestServer } from "./server_fixture.ts";
import { runTask } from "./task_command.ts";

/** A form without a start picture. */
function wordsAlone(settings: Readonly<Record<string, string>>): FormData {
  const form = new FormData();
  for (const [name, value] of Object.entries(settings)) form.append(name, value);
  return form;
}

const striped = { widthPx: 40, heightPx: 30, pixels: Uint8Array.from({ length: 40 * 30 * 3 }, (_, i) => i % 97) };

/** A form with a start picture and an end picture. */
async function ledForm(settings: Readonly<Record<string, string>> = {}): Promise<FormData> {
  const form = await sessionForm({ durationSeconds: "1", ...settings });
  form.append("endImage", new Blob([await encodePng(striped)], { type: "image/png" }), "end.png");
  return form;
}

async function post(server: TestServer, body: FormData): Promise<Response> {
  return await server.request("/api/sessions", { method: "POST", body });
}

Deno.test("a session from words alone begins with a plain picture of the video's size, which it keeps", async () => {
  const { engine, requests } = createListeningEngine();
  await using server = await startServer({ engine });
  for (const [start, first] of [["black", [0, 0, 0]], ["white", [255, 255, 255]], ["green", [0, 255, 0]]] as const) {
    const response = await post(server, wordsAlone({ start, durationSeconds: "1" }));
    assert.equal(response.status, 202, await response.clone().text());
    const { id, links } = await response.json();
    const { state, settings } = await server.ended(id);
    assert.equal(state, "completed");
    assert.equal(settings.start, start);
    const { image } = requests.at(-1)!;
    assert.deepEqual([image.widthPx, image.heightPx], [96, 96]);
    assert.deepEqual([...image.pixels.subarray(0, 3)], first);
    const kept = await server.request(links.image);
    assert.equal(kept.headers.get("content-type"), "image/png");
    assert.deepEqual((await decodeImage(await kept.bytes())).pixels, image.pixels);
  }
});

Deno.test("noise to begin with follows from the seed", async () => {
  const { engine, requests } = createListeningEngine();
  await using server = await startServer({ engine });
  for (const seed of ["1", "1", "2"]) {
    const { id } = await (await post(server, wordsAlone({ start: "noise", seed, durationSeconds: "1" }))).json();
    await server.ended(id);
  }
  const [first, again, other] = requests.map(({ image }) => image.pixels);
  assert.deepEqual(first, again);
  assert.notDeepEqual(first, other);
});

Deno.test("an end picture reaches the engine with its strength, and is kept as it was sent", async () => {
  const { engine, requests } = createListeningEngine();
  await using server = await startServer({ engine });
  for (const [given, strength] of [[{ endStrength: "0.3" }, 0.3], [{}, 1]] as const) {
    const { id, links, settings } = await (await post(server, await ledForm(given))).json();
    assert.equal(settings.endStrength, strength);
    assert.equal((await server.ended(id)).state, "completed");
    const { end } = requests.at(-1)!;
    assert.equal(end?.strength, strength);
    assert.deepEqual(end?.image, striped);
    const kept = await server.request(links.endImage);
    assert.equal(kept.headers.get("content-type"), "image/png");
    assert.deepEqual(await decodeImage(await kept.bytes()), striped);
  }
  const bare = await server.start({ durationSeconds: "1" });
  await server.ended(bare.id);
  assert.equal(bare.settings.endStrength, null);
  assert.equal(requests.at(-1)!.end, undefined);
  assert.equal(bare.links.endImage, undefined);
  assert.equal((await server.request(`${bare.links.self}/end-image`)).status, 404);
});

Deno.test("an end picture of a session that waits survives a restart", async () => {
  await using server = await startServer({ engine: createGatedEngine() });
  await server.start();
  const { id } = await (await post(server, await ledForm())).json();
  await server.stop();
  const { engine, requests } = createListeningEngine();
  await using later = await startServer({ engine, dataDir: server.dataDir });
  assert.equal((await later.ended(id)).state, "completed");
  assert.deepEqual(requests.at(-1)!.end, { image: striped, strength: 1 });
});

Deno.test("a window of its own makes sections of its own", async () => {
  const { engine, requests } = createListeningEngine();
  await using server = await startServer({ engine });
  const { id, plan, settings } = await server.start({ durationSeconds: "1", windowLatentFrames: "4" });
  assert.equal(settings.windowLatentFrames, 4);
  assert.equal(plan.frames, 2 * 16 + 1);
  const { video } = await server.ended(id);
  assert.equal(video!.frames, 33);
  assert.equal(requests[0]!.settings.windowLatentFrames, 4);
  const [{ measured, defaults }] = await (await server.request("/api/models")).json();
  assert.deepEqual(measured, [], "its pace is none of the model's");
  assert.equal(defaults.windowLatentFrames, 9);
});

Deno.test("what does not fit together is refused with its field, and leaves nothing behind", async () => {
  await using server = await startServer();
  const tiny = new Uint8Array(
    await sharp({ create: { width: 9, height: 9, channels: 3, background: "red" } }).png().toBuffer(),
  );
  const withEnd = async (bytes: BlobPart) => {
    const form = await sessionForm();
    form.append("endImage", new Blob([bytes]), "end.png");
    return form;
  };
  const refused: readonly (readonly [FormData, string, RegExp])[] = [
    [
      wordsAlone({ start: "purple" }),
      "start",
      /^start must be one of picture, black, white, green, noise, got "purple"$/,
    ],
    [wordsAlone({}), "image", /no picture in its field image; to start from words alone, set start to black/],
    [await sessionForm({ start: "black" }), "start", /^start is "black", but the form has a picture .* leave one/],
    [await sessionForm({ endStrength: "0.5" }), "endStrength", /^endStrength is 0\.5, but there is no end picture/],
    [await ledForm({ endStrength: "0.01" }), "endStrength", /^endStrength must be at least 0\.05, got 0\.01$/],
    [await ledForm({ endStrength: "2" }), "endStrength", /^endStrength must be at most 1, got 2$/],
    [await ledForm({ schedule: "forward" }), "endImage", /^The order "forward" cannot be led to an end picture/],
    [await withEnd("I am no picture"), "endImage", /not a PNG, JPEG/],
    [await withEnd(tiny), "endImage", /9 × 9 px, each side must have at least 16/],
    [await sessionForm({ windowLatentFrames: "0" }), "windowLatentFrames", /at least 1, got 0$/],
    [await sessionForm({ windowLatentFrames: "34" }), "windowLatentFrames", /at most 33, got 34$/],
    [await sessionForm({ windowLatentFrames: "4.5" }), "windowLatentFrames", /must be a whole number, got 4\.5$/],
  ];
  for (const [body, field, says] of refused) {
    const response = await post(server, body);
    assert.equal(response.status, 422);
    const problem = await response.json();
    assert.equal(problem.field, field, problem.detail);
    assert.match(problem.detail, says);
  }
  assert.deepEqual(server.sessions.list(), []);
  assert.deepEqual(await readdir(join(server.dataDir, "sessions")).catch(() => []), []);
});

Deno.test("generate starts from words alone, is led to an end picture, and takes a window", async () => {
  const out = await Deno.makeTempDir({ prefix: "framecast-cli-" });
  try {
    const run = (...args: string[]) =>
      runTask("generate", ["--prompt", "x", "--steps", "1", "--seconds", "1", ...args], { INIT_CWD: out });
    const words = await run("--start", "noise", "--window", "4", "--out", "words.mp4");
    assert.equal(words.code, 0, words.stderr);
    assert.match(words.stdout, /words\.mp4: 1\.10 s, 33 frames, /);
    const led = await run(
      "--image",
      example.file,
      "--end-image",
      example.file,
      "--end-strength",
      "0.5",
      "--out",
      "led.mp4",
    );
    assert.equal(led.code, 0, led.stderr);
    const text = new TextDecoder("latin1").decode(await Deno.readFile(join(out, "led.mp4")));
    assert.match(text, /"start":"picture","endStrength":0\.5/);
    const mistakes: readonly (readonly [readonly string[], RegExp])[] = [
      [["--start", "purple"], /^Cannot use --start "purple": it must be one of picture, black, white, green, noise$/],
      [["--start", "picture"], /^--image is missing; /],
      [
        ["--start", "black", "--image", example.file],
        /^Cannot use --start "black" beside --image: leave one of them out$/,
      ],
      [["--start", "black", "--end-strength", "1"], /^Cannot use --end-strength "1" without --end-image$/],
      [
        ["--start", "black", "--end-image", example.file, "--end-strength", "3"],
        /^Cannot use --end-strength "3": it must be at most 1$/,
      ],
      [
        ["--start", "black", "--end-image", example.file, "--schedule", "forward"],
        /^The order "forward" cannot be led to an end picture, only "inverted" can$/,
      ],
      [["--start", "black", "--window", "40"], /^Cannot use --window "40": it must be at most 33$/],
    ];
    for (const [args, says] of mistakes) {
      const { code, stderr } = await run(...args, "--out", "none.mp4");
      assert.equal(code, 1, args.join(" "));
      assert.match(stderr.trimEnd(), says);
    }
    assert.deepEqual((await readdir(out)).sort(), ["led.mp4", "words.mp4"]);
  } finally {
    await Deno.remove(out, { recursive: true });
  }
});
