/**
 * A server below a path of its host, behind a proxy that passes the path on unchanged.
 */
import assert from "node:assert/strict";
import type { ChannelEvent, ChannelView, FeedEvent, SessionEvent, SessionView } from "../src/session/mod.ts";
import { sessionForm, startServer, type TestServer } from "./server_fixture.ts";
import { joinWhep } from "./whep_receiver.ts";

const basePath = "/tools/framecast";

const serverBelow = () => startServer({ basePath, trustedProxies: ["127.0.0.1"] });

async function start(server: TestServer): Promise<SessionView> {
  const body = await sessionForm({ durationSeconds: "1" });
  const response = await server.request(`${basePath}/api/sessions`, { method: "POST", body });
  assert.equal(response.status, 202);
  const view: SessionView = await response.json();
  assert.equal(response.headers.get("location"), `${basePath}/api/sessions/${view.id}`);
  await server.ended(view.id);
  return view;
}

/** The events of a stream until one fits. */
async function eventOf<Event extends { readonly event: string }>(
  response: Response,
  fits: (event: Event) => boolean,
): Promise<Event> {
  let text = "";
  for await (const part of response.body!.pipeThrough(new TextDecoderStream())) {
    const blocks = (text += part).split("\n\n");
    text = blocks.pop()!;
    for (const block of blocks) {
      const [, event, data] = /event: (\w+)\ndata: (.*)/.exec(block) ?? [];
      if (data === undefined) continue;
      const entry = { event, data: JSON.parse(data) } as unknown as Event;
      if (fits(entry)) return entry;
    }
  }
  throw new Error("The stream ended without the event");
}

Deno.test("base path: every address the server tells leads back to it", async () => {
  await using server = await serverBelow();
  const view = await start(server);
  for (const [name, link] of Object.entries(view.links)) {
    assert.ok(link.startsWith(`${basePath}/`), `${name}: ${link}`);
    const address = link.replace("{n}", name === "sections" ? "1" : "0");
    const response = await server.request(address, { method: name === "whep" ? "OPTIONS" : "GET" });
    await response.body?.cancel();
    assert.ok(response.status < 300, `${name}: ${response.status}`);
  }
  const told = await (await server.request(`${basePath}/api/sessions/${view.id}`)).json();
  const [listed] = await (await server.request(`${basePath}/api/sessions`)).json();
  assert.deepEqual(told.links, view.links);
  assert.deepEqual(listed, told);

  const log = await server.request(view.links.events);
  const end = await eventOf<SessionEvent>(log, ({ event, data }) => event === "state" && data.state === "completed");
  assert.deepEqual((end.data as SessionView).links, view.links);
  const feed = await server.request(`${basePath}/api/events`);
  const latest = await eventOf<FeedEvent>(feed, () => true);
  assert.deepEqual((latest.data as SessionView).links, view.links);

  const [model] = await (await server.request(`${basePath}/api/models`)).json();
  for (const { image } of model.examples) assert.equal((await server.request(image)).status, 200, image);
  const document = await (await server.request(`${basePath}/api/openapi.json`)).json();
  assert.deepEqual(document.servers, [{ url: `${basePath}/` }]);
});

Deno.test("base path: channels and what is watched at them", async () => {
  await using server = await serverBelow();
  const view = await start(server);
  const channel: ChannelView = await (await server.request(`${basePath}/api/channels/latest`)).json();
  assert.deepEqual(channel.session?.links, view.links);
  assert.equal(channel.links.embed, `${basePath}/embed/latest`);
  const [listed] = await (await server.request(`${basePath}/api/channels`)).json();
  assert.deepEqual(listed, channel);
  const event = await eventOf<ChannelEvent>(await server.request(channel.links.events), () => true);
  assert.deepEqual(event.data, channel);
  for (const { whep } of [channel.links, view.links]) {
    let location = "";
    await using viewer = await joinWhep(async (body) => {
      const headers = { "content-type": "application/sdp" };
      const answer = await server.request(whep, { method: "POST", headers, body });
      location = answer.headers.get("location")!;
      return answer;
    });
    assert.ok(location.startsWith(`${whep}/`), location);
    await viewer.pictures(1);
    assert.equal((await server.request(location, { method: "DELETE" })).status, 200);
  }
});

Deno.test("base path: pages name their base, and their files are below it", async () => {
  await using server = await serverBelow();
  for (const path of ["/", "/watch/x", "/embed/x", "/embed/channel/x", "/obs", "/api/docs"]) {
    const page = await server.request(basePath + path);
    assert.equal(page.status, 200, path);
    const html = await page.text();
    assert.equal(page.headers.get("content-length"), String(new TextEncoder().encode(html).length));
    assert.match(html, new RegExp(`<base href="${basePath}/">`), path);
    assert.match(page.headers.get("content-security-policy")!, /base-uri 'self'/);
    const files = [...html.matchAll(/<(?:link|script)[^>]+(?:href|src)="([^"]+)"/g)].map(([, file]) => file!);
    assert.ok(files.length > 0, path);
    for (const file of files) {
      const { pathname } = new URL(file, `http://x${basePath}/`);
      const answer = await server.request(pathname);
      assert.equal(answer.status, 200, `${path}: ${file}`);
      await answer.body?.cancel();
    }
    const again = await server.request(basePath + path, { headers: { "if-none-match": page.headers.get("etag")! } });
    assert.equal(again.status, 304);
  }
});

Deno.test("base path: what is beside it is not here, its root leads to it", async () => {
  await using server = await serverBelow();
  const root = await server.request("/");
  assert.equal(root.status, 307);
  assert.equal(root.headers.get("location"), `${basePath}/`);
  const bare = await server.request(basePath);
  assert.equal(bare.status, 308);
  assert.equal(bare.headers.get("location"), `${basePath}/`);
  for (
    const path of ["/api/health", "/tools", "/tools/framecast2/", "/studio.js", "/tools/framecast/../../api/health"]
  ) {
    const answer = await server.request(path);
    assert.equal(answer.status, 404, path);
    assert.match((await answer.json()).detail, /everything lies below \/tools\/framecast\//, path);
  }
  const wrongMethod = await server.request(`${basePath}/api/sessions`, { method: "PUT" });
  assert.equal(wrongMethod.headers.get("allow"), "GET, HEAD, POST");
});

Deno.test("base path: a problem's type is an address that explains it", async () => {
  await using server = await serverBelow();
  for (const path of ["/api/sessions/nobody", "/nothing"]) {
    const answer = await server.request(basePath + path);
    assert.equal(answer.headers.get("content-type"), "application/problem+json");
    assert.equal(answer.headers.get("x-content-type-options"), "nosniff");
    assert.equal((await answer.json()).type, `${basePath}/api/docs#problem-not-found`);
  }
});

Deno.test("a proxy: its word counts for the name the server was called by, a stranger's does not", async () => {
  await using server = await serverBelow();
  const post = (origin: string, headers: Record<string, string>, peer: string) =>
    server.request(`${basePath}/api/sessions/nobody/stop`, { method: "POST", headers: { origin, ...headers } }, peer);
  const headers = { host: "127.0.0.1:8000", "x-forwarded-host": "studio.local" };
  assert.equal((await post("https://studio.local", headers, "127.0.0.1")).status, 404);
  assert.equal((await post("https://studio.local", headers, "192.168.1.7")).status, 403);
  const foreign = { ...headers, "x-forwarded-host": "evil.example" };
  assert.equal((await post("https://evil.example", foreign, "127.0.0.1")).status, 403);
});
