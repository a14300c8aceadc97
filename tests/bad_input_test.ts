/**
 * Bad input over HTTP: each gets one clear problem that names field and value, nothing crashes, nothing made is lost.
 */
import assert from "node:assert/strict";
import { crc32 } from "node:zlib";
import sharp from "sharp";
import { sessionForm, startServer, type TestServer } from "./server_fixture.ts";

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly title: string;
  readonly detail: string;
  readonly field?: string;
  readonly value?: unknown;
}

/** Posts and expects a refusal that leaves no session behind. */
async function refusal(server: TestServer, init: RequestInit, path = "/api/sessions"): Promise<Answer> {
  const before = server.sessions.list().length;
  const response = await server.request(path, { method: "POST", ...init });
  assert.equal(response.headers.get("content-type"), "application/problem+json");
  const body: Answer = await response.json();
  assert.equal(body.status, response.status);
  assert.match(body.type, /^\/api\/docs#problem-[a-z-]+$/);
  assert.ok(body.title.length > 0 && body.detail.length > 0);
  assert.equal(server.sessions.list().length, before);
  return body;
}

const kindOf = ({ type }: Answer) => type.split("#problem-")[1];

const settings: readonly [Record<string, string>, string, RegExp][] = [
  [{ steps: "NaN" }, "steps", /^steps must be a number, got NaN$/],
  [{ steps: "0" }, "steps", /^steps must be at least 1, got 0$/],
  [{ steps: "101" }, "steps", /^steps must be at most 100, got 101$/],
  [{ steps: "6.5" }, "steps", /^steps must be a whole number, got 6.5$/],
  [{ steps: "six" }, "steps", /^steps must be a number, got/],
  [{ durationSeconds: "0" }, "durationSeconds", /at least 1, got 0/],
  [{ durationSeconds: "121" }, "durationSeconds", /at most 120, got 121/],
  [{ durationSeconds: "Infinity" }, "durationSeconds", /must be a number, got Infinity/],
  [{ durationSeconds: "1e999" }, "durationSeconds", /must be a number/],
  [{ seed: "-2" }, "seed", /at least -1, got -2/],
  [{ seed: "9007199254740993" }, "seed", /seed must be/],
  [{ guidance: "-1" }, "guidance", /at least 0/],
  [{ cfg: "0.5" }, "cfg", /at least 1/],
  [{ schedule: "sideways" }, "schedule", /^schedule must be one of inverted, forward, got "sideways"$/],
  [{ resolution: "100x96" }, "resolution", /multiples of 32.*100x96.*128x96/],
  [{ resolution: "12" }, "resolution", /resolution must be at least 64, got 12/],
  [{ resolution: "wide" }, "resolution", /got "wide"/],
  [{ keepRecipe: "maybe" }, "keepRecipe", /must be a boolean, got "maybe"/],
  [{ prompt: "x".repeat(20_000) }, "prompt", /at most 4000 characters, got "x{57}… \(20000 characters\)"/],
  [{ negativePrompt: "x".repeat(4001) }, "negativePrompt", /at most 4000 characters/],
  [{ colour: "red" }, "colour", /^There is no setting colour$/],
  [{ model: "../secret" }, "model", /is not on this server/],
];

Deno.test("a setting that cannot be used is refused with its name and value", async () => {
  await using server = await startServer();
  for (const [fields, field, detail] of settings) {
    const answer = await refusal(server, { body: await sessionForm(fields) });
    assert.equal(answer.status, 422, field);
    assert.equal(answer.field, field);
    assert.match(answer.detail, detail);
  }
});

Deno.test("several faults are all named", async () => {
  await using server = await startServer();
  const answer = await refusal(server, { body: await sessionForm({ steps: "0", seed: "-9", foo: "1" }) });
  const { errors } = answer as unknown as { errors: { field: string }[] };
  assert.deepEqual(errors.map(({ field }) => field).sort(), ["foo", "seed", "steps"]);
});

Deno.test("a model that is not there is refused, and the ones there are named", async () => {
  await using server = await startServer();
  const answer = await refusal(server, { body: await sessionForm({ model: "framepack-13b" }) });
  assert.equal(kindOf(answer), "model-missing");
  assert.match(answer.detail, /"framepack-13b".*emoji/);
});

Deno.test("a prompt may be empty, in any script, with emoji, up to 4,000 characters", async () => {
  await using server = await startServer();
  for (const prompt of ["", "قط يقفز مرتين ثم يلوح", "👩‍🚀🚀 flies", "x".repeat(4000)]) {
    const { id } = await server.start({ prompt, durationSeconds: "1" });
    assert.equal((await server.ended(id)).settings.prompt, prompt);
  }
});

const flat = (widthPx: number, heightPx: number) =>
  sharp({ create: { width: widthPx, height: heightPx, channels: 3, background: "#407080" } });

/** A PNG whose header promises another size than its data has. */
async function pngThatSays(widthPx: number, heightPx: number): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(await flat(32, 32).png().toBuffer());
  const view = new DataView(bytes.buffer);
  view.setUint32(16, widthPx); // IHDR begins at byte 12: type, width, height, …, CRC at byte 29
  view.setUint32(20, heightPx);
  view.setUint32(29, crc32(bytes.subarray(12, 29)));
  return bytes;
}

Deno.test("a picture that cannot be used is refused with its reason", async () => {
  await using server = await startServer();
  const jpeg = new Uint8Array(await flat(200, 200).jpeg().toBuffer());
  const pictures: readonly [BlobPart, string, number][] = [
    ["I am no picture", "image-unreadable", 422],
    ['<svg xmlns="http://www.w3.org/2000/svg" width="99" height="99"/>', "image-unreadable", 422],
    [jpeg.subarray(0, jpeg.length / 2), "image-unreadable", 422],
    [await pngThatSays(20_000, 20_000), "image-too-large", 413],
    [new Uint8Array(await flat(1, 1).png().toBuffer()), "image-too-small", 422],
    [new Uint8Array(await flat(500, 15).png().toBuffer()), "image-too-small", 422],
  ];
  for (const [bytes, kind, status] of pictures) {
    const answer = await refusal(server, { body: await sessionForm({}, new Blob([bytes])) });
    assert.equal(kindOf(answer), kind);
    assert.equal(answer.status, status);
    assert.equal(answer.field, "image");
  }
});

Deno.test("animated, CMYK, 16-bit and turned pictures are taken", async () => {
  await using server = await startServer();
  const frames = Uint8Array.from({ length: 32 * 96 * 3 }, (_, i) => i % 256);
  const pictures = [
    sharp(frames, { raw: { width: 32, height: 96, channels: 3, pageHeight: 32 } }).gif(),
    flat(64, 64).toColourspace("cmyk").jpeg(),
    flat(64, 64).toColourspace("rgb16").png(),
    flat(64, 32).withMetadata({ orientation: 6 }).jpeg(),
  ];
  for (const picture of pictures) {
    const image = new Blob([new Uint8Array(await picture.toBuffer())]);
    const body = await sessionForm({ durationSeconds: "1" }, image);
    const response = await server.request("/api/sessions", { method: "POST", body });
    assert.equal(response.status, 202);
    const { id } = await response.json();
    assert.equal((await server.ended(id)).state, "completed");
  }
});

Deno.test("a form without a picture is refused", async () => {
  await using server = await startServer();
  const empty = new FormData();
  empty.append("prompt", "x");
  const asText = await sessionForm();
  asText.set("image", "not a file");
  for (const body of [empty, asText, await sessionForm({}, new Blob([]))]) {
    const answer = await refusal(server, { body });
    assert.equal(kindOf(answer), "image-missing");
    assert.equal(answer.field, "image");
  }
  const twice = await sessionForm({ steps: "3" });
  twice.append("steps", "4");
  assert.match((await refusal(server, { body: twice })).detail, /field steps twice/);
});

Deno.test("another content type is refused, a damaged form too", async () => {
  await using server = await startServer();
  for (
    const type of ["application/json", "text/plain", "application/x-www-form-urlencoded", "multipart/mixed; boundary=x"]
  ) {
    const answer = await refusal(server, { headers: { "content-type": type }, body: "{}" });
    assert.equal(answer.status, 415);
    assert.ok(answer.detail.includes(type));
  }
  const headers = { "content-type": "multipart/form-data; boundary=x" };
  for (const body of ["", "no boundary at all"]) {
    const answer = await refusal(server, { headers, body });
    assert.equal(answer.status, 400);
    assert.equal(kindOf(answer), "malformed-body");
  }
});

Deno.test("a body over the limit is refused, whether it says its size or not", async () => {
  await using server = await startServer();
  const large = new Blob([new Uint8Array(22 * 1024 * 1024)]);
  const announced = await refusal(server, {
    body: await sessionForm({}, large),
    headers: { "content-length": String(large.size) },
  });
  assert.equal(announced.status, 413);
  const streamed = await refusal(server, { body: await sessionForm({}, large) });
  assert.equal(streamed.status, 413);
  const justAPicture = new Blob([new Uint8Array(20 * 1024 * 1024 + 1)]);
  assert.equal(kindOf(await refusal(server, { body: await sessionForm({}, justAPicture) })), "image-too-large");
});

Deno.test("an offer that cannot be answered is refused and the session goes on", async () => {
  await using server = await startServer();
  const { id, links } = await server.start({ durationSeconds: "1" });
  const offer = (body: string, query = "", type = "application/sdp") =>
    refusal(server, { headers: { "content-type": type }, body }, links.whep + query);
  assert.equal(kindOf(await offer("garbage")), "offer-unreadable");
  assert.equal(kindOf(await offer("")), "offer-unreadable");
  assert.equal((await offer("v=0", "", "text/plain")).status, 415);
  assert.equal((await offer("v=0\r\n" + "a=x\r\n".repeat(14_000))).status, 413);
  const view = await offer("v=0", "?view=sideways");
  assert.equal(view.status, 422);
  assert.equal(view.field, "view");
  assert.match(view.detail, /must be one of .*, got "sideways"/);
  assert.equal((await offer("v=0", "?codec=mpeg2")).field, "codec");
  assert.equal((await server.ended(id)).state, "completed");
});

Deno.test("what does not exist is a problem that names it", async () => {
  await using server = await startServer();
  for (
    const path of [
      "/api/sessions/nobody",
      "/api/sessions/nobody/events",
      "/api/sessions/nobody/video.mp4",
      "/api/nothing",
      "/nothing",
    ]
  ) {
    const response = await server.request(path);
    assert.equal(response.status, 404, path);
    assert.equal(response.headers.get("content-type"), "application/problem+json");
    assert.match((await response.json()).detail, /nobody|nothing/);
  }
  const wrongMethod = await server.request("/api/sessions", { method: "PUT" });
  assert.equal(wrongMethod.status, 405);
  assert.equal(wrongMethod.headers.get("allow"), "GET, HEAD, POST");
});
