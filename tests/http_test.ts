/**
 * The HTTP contract where nothing goes wrong: locations, ranges, feeds, the OpenAPI document, pages.
 */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { FeedEvent, SessionView } from "../src/session/mod.ts";
import { createGatedEngine } from "./gated_engine.ts";
import { sessionForm, startServer, type TestServer } from "./server_fixture.ts";

async function finished(server: TestServer, settings: Record<string, string> = {}): Promise<SessionView> {
  return await server.ended((await server.start({ durationSeconds: "1", ...settings })).id);
}

interface Message {
  readonly id: string;
  readonly event: string;
  readonly data: SessionView;
}

/** Messages of an event stream until it ends, or until `count` are there. */
async function messages(response: Response, count = Infinity): Promise<Message[]> {
  assert.equal(response.headers.get("content-type"), "text/event-stream; charset=utf-8");
  const found: Message[] = [];
  let text = "";
  for await (const part of response.body!.pipeThrough(new TextDecoderStream())) {
    const blocks = (text += part).split("\n\n");
    text = blocks.pop()!;
    for (const block of blocks) {
      const fields = Object.fromEntries(block.split("\n").map((line) => line.split(/: ?(.*)/s)));
      if (fields.event) found.push({ ...fields, data: JSON.parse(fields.data) } as Message);
      if (found.length >= count) return found;
    }
  }
  return found;
}

Deno.test("POST answers 202 with a Location that ends in the id; list and view find the session", async () => {
  await using server = await startServer();
  const response = await server.request("/api/sessions", {
    method: "POST",
    body: await sessionForm({ durationSeconds: "1" }),
  });
  assert.equal(response.status, 202);
  const { id }: SessionView = await response.json();
  assert.equal(response.headers.get("location"), `/api/sessions/${id}`);
  await server.ended(id);
  const second = await finished(server);
  const list: SessionView[] = await (await server.request("/api/sessions")).json();
  assert.deepEqual(list.map((view) => view.id), [second.id, id]);
  assert.deepEqual(list[1], await server.view(id));
});

Deno.test("the file comes with byte ranges, validators and HEAD", async () => {
  await using server = await startServer();
  const { id, links } = await finished(server);
  const bytes = new Uint8Array(await readFile(join(server.dataDir, "sessions", id, "video.mp4")));
  const get = (headers: Record<string, string> = {}, method = "GET") =>
    server.request(links.video, { method, headers });

  const whole = await get();
  assert.equal(whole.status, 200);
  assert.equal(whole.headers.get("content-type"), "video/mp4");
  assert.equal(whole.headers.get("accept-ranges"), "bytes");
  assert.deepEqual(new Uint8Array(await whole.arrayBuffer()), bytes);
  const etag = whole.headers.get("etag")!;

  const part = await get({ range: "bytes=100-199" });
  assert.equal(part.status, 206);
  assert.equal(part.headers.get("content-range"), `bytes 100-199/${bytes.length}`);
  assert.deepEqual(new Uint8Array(await part.arrayBuffer()), bytes.slice(100, 200));
  const tail = await get({ range: "bytes=-50" });
  assert.deepEqual(new Uint8Array(await tail.arrayBuffer()), bytes.slice(-50));

  const outside = await get({ range: `bytes=${bytes.length}-` });
  assert.equal(outside.status, 416);
  assert.equal(outside.headers.get("content-range"), `bytes */${bytes.length}`);
  assert.equal((await get({ range: "bytes=0-9", "if-range": etag })).status, 206);
  assert.equal((await get({ range: "bytes=0-9", "if-range": '"another"' })).status, 200);
  assert.equal((await get({ "if-none-match": etag })).status, 304);

  const head = await get({}, "HEAD");
  assert.equal(head.headers.get("content-length"), String(bytes.length));
  assert.equal((await head.arrayBuffer()).byteLength, 0);
});

Deno.test("the start picture comes back byte for byte, as what it is", async () => {
  await using server = await startServer();
  const form = await sessionForm({ durationSeconds: "1" });
  const sent = new Uint8Array(await (form.get("image") as File).arrayBuffer());
  const { id, links } = await (await server.request("/api/sessions", { method: "POST", body: form })).json();
  const response = await server.request(links.image);
  assert.equal(response.headers.get("content-type"), "image/png");
  assert.equal(response.headers.get("x-content-type-options"), "nosniff");
  assert.deepEqual(new Uint8Array(await response.arrayBuffer()), sent);
  await server.ended(id);
});

Deno.test("an event stream that was cut goes on after the last event, without a gap or a repeat", async () => {
  const engine = createGatedEngine();
  await using server = await startServer({ engine });
  const { id, links } = await server.start({ durationSeconds: "3" });
  const cut = await messages(await server.request(links.events), 5);
  engine.admit(2);
  const lastId = cut.at(-1)!.id;
  const rest = await messages(await server.request(links.events, { headers: { "last-event-id": lastId } }));
  const whole = await messages(await server.request(links.events));
  assert.deepEqual([...cut, ...rest], whole);
  assert.deepEqual(whole.map((message) => Number(message.id)), whole.map((_, index) => index + 1));
  const end = whole.at(-1)!;
  assert.equal(end.event, "state");
  assert.equal(end.data.state, "completed");

  await server.ended(id);
  const nothingNew = await server.request(links.events, { headers: { "last-event-id": end.id } });
  assert.equal(nothingNew.status, 204);
  assert.equal((await server.request(links.events, { headers: { "last-event-id": "x" } })).status, 422);
});

Deno.test("the feed tells the latest session first, then what happens to all", async () => {
  const engine = createGatedEngine();
  await using server = await startServer({ engine });
  assert.equal((await server.request("/api/sessions/latest")).status, 404);
  engine.admit(1);
  const before = await finished(server);
  assert.equal((await (await server.request("/api/sessions/latest")).json()).id, before.id);

  const leave = new AbortController();
  const feed = server.sessions.follow(leave.signal)[Symbol.asyncIterator]();
  const next = async (fits: (event: FeedEvent) => boolean) => {
    for (;;) {
      const { value, done } = await feed.next();
      assert.ok(!done, "the feed ended early");
      if (fits(value)) return value;
    }
  };
  assert.deepEqual(await next(() => true), {
    event: "latest",
    data: { id: before.id, state: "completed", links: before.links },
  });
  const { id } = await server.start({ durationSeconds: "1" });
  await next(({ event, data }) => event === "latest" && data?.id === id);
  engine.admit(1);
  await next(({ event, data }) => event === "session" && data.id === id && data.state === "completed");
  await server.request(`/api/sessions/${id}`, { method: "DELETE" });
  const expected = new Set(["deleted", "latest"]); // in either order
  await next(({ event, data }) => {
    if (event === "deleted" ? data.id === id : event === "latest" && data?.id === before.id) expected.delete(event);
    return expected.size === 0;
  });
  leave.abort();
  assert.equal((await feed.next()).done, true);
});

interface OpenApi {
  openapi: string;
  paths: Record<string, Record<string, { operationId?: string; responses?: Record<string, unknown> }>>;
  components: { schemas: Record<string, object> };
}

Deno.test("the OpenAPI document describes every call, and all its references lead somewhere", async () => {
  await using server = await startServer();
  const document: OpenApi = await (await server.request("/api/openapi.json")).json();
  assert.match(document.openapi, /^3\.1/);
  const operations = Object.values(document.paths).flatMap((path) => Object.values(path)).filter((o) => o.operationId);
  assert.equal(new Set(operations.map(({ operationId }) => operationId)).size, operations.length);
  for (const { responses } of operations) assert.ok(Object.keys(responses ?? {}).length > 0);
  const references = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map(([, target]) => target!);
  assert.ok(references.length > 10);
  for (const reference of references) {
    assert.match(reference, /^#\/components\/schemas\/\w+$/);
    assert.ok(document.components.schemas[reference.split("/").at(-1)!], reference);
  }
  for (const path of Object.keys(document.paths)) {
    const known = await server.request(path.replace("{id}", "x").replace("{n}", "0").replace("{viewer}", "v"), {
      method: "PURGE",
    });
    assert.equal(known.status, 405, `${path} is described but does not exist`);
  }
  for (const name of ["Session", "Model", "Health", "Problem", "NewSession", "SessionEvent", "FeedEvent"]) {
    assert.ok(document.components.schemas[name], name);
  }
});

Deno.test("models tell their sizes, defaults and examples; the examples are there", async () => {
  await using server = await startServer();
  const models = await (await server.request("/api/models")).json();
  const emoji = models.find(({ id }: { id: string }) => id === "emoji");
  assert.ok(emoji.isDefault);
  assert.equal(emoji.framesPerSection, 36);
  for (const { image } of emoji.examples) {
    const response = await server.request(image);
    assert.equal(response.status, 200, image);
    assert.equal(response.headers.get("content-type"), "image/png");
    await response.body?.cancel();
  }
});

Deno.test("pages come with a strict content policy and validators, and nothing outside their folders can be had", async () => {
  await using server = await startServer();
  for (const path of ["/", "/watch/x", "/embed/x", "/embed/latest", "/obs", "/api/docs"]) {
    const page = await server.request(path);
    assert.equal(page.status, 200, path);
    assert.equal(page.headers.get("content-type"), "text/html; charset=utf-8");
    assert.match(page.headers.get("content-security-policy")!, /^default-src 'self'; img-src 'self' blob: data:/);
    const again = await server.request(path, { headers: { "if-none-match": page.headers.get("etag")! } });
    assert.equal(again.status, 304);
    await page.body?.cancel();
  }
  const outside = [
    "/../main.ts",
    "/%2e%2e/main.ts",
    "/..%2fmain.ts",
    "/.env.example",
    "/examples/emoji/..%2f..%2f..%2fdeno.json",
    "/examples/..%2f..%2fstatic/x.png",
    "/examples/emoji/..%2fframecast.json",
    "/%00",
    "/%E0%A4%A",
  ];
  for (const path of outside) assert.equal((await server.request(path)).status, 404, path);
});

Deno.test("health tells what runs and who waits", async () => {
  const engine = createGatedEngine();
  await using server = await startServer({ engine });
  const { id } = await server.start();
  await server.event(id, ({ event, data }) => event === "state" && data.state === "running");
  await server.start();
  const health = await (await server.request("/api/health")).json();
  assert.equal(health.status, "ok");
  assert.deepEqual(health.engine, { state: "running", device: "CPU", model: "emoji" });
  assert.deepEqual(health.sessions, { running: 1, queued: 1 });
});
