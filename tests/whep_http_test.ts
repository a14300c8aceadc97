/**
 * The WHEP endpoint as HTTP sees it; that pictures arrive is shown with real browsers elsewhere.
 */
import assert from "node:assert/strict";
import { EngineLostError } from "../src/engine/mod.ts";
import { createGatedEngine } from "./gated_engine.ts";
import { startServer } from "./server_fixture.ts";

/** What Chromium offers for one received video, shortened to VP8 and H.264; VP9 alone with `vp9`. */
function offer(codecs: readonly string[]): string {
  const payloads = codecs.map((_, index) => 96 + index);
  return [
    "v=0",
    "o=- 1 2 IN IP4 127.0.0.1",
    "s=-",
    "t=0 0",
    "a=group:BUNDLE 0",
    `m=video 9 UDP/TLS/RTP/SAVPF ${payloads.join(" ")}`,
    "c=IN IP4 0.0.0.0",
    "a=rtcp:9 IN IP4 0.0.0.0",
    "a=ice-ufrag:abcd",
    "a=ice-pwd:0123456789012345678901",
    `a=fingerprint:sha-256 ${Array(32).fill("AB").join(":")}`,
    "a=setup:actpass",
    "a=mid:0",
    "a=recvonly",
    "a=rtcp-mux",
    ...codecs.map((codec, index) => `a=rtpmap:${payloads[index]} ${codec}/90000`),
    "",
  ].join("\r\n");
}

Deno.test("WHEP: an offer is answered with 201, Location and ETag; DELETE leaves", async () => {
  const engine = createGatedEngine();
  await using server = await startServer({ engine });
  const { id, links } = await server.start({ durationSeconds: "1" });
  const post = (body: string, query = "") =>
    server.request(links.whep + query, { method: "POST", headers: { "content-type": "application/sdp" }, body });
  const answer = await post(offer(["VP8", "H264"]), "?view=edge");
  assert.equal(answer.status, 201);
  assert.equal(answer.headers.get("content-type"), "application/sdp");
  assert.match(answer.headers.get("access-control-expose-headers")!, /Location/);
  const location = answer.headers.get("location")!;
  assert.ok(location.startsWith(`${links.whep}/`));
  assert.equal(answer.headers.get("etag"), `"${location.split("/").at(-1)}"`);
  assert.match(await answer.text(), /^v=0\r\n[^]*a=setup:passive/);
  assert.equal((await server.view(id)).viewers, 1);
  assert.equal((await server.request(location, { method: "PATCH" })).status, 405);
  assert.equal((await server.request(location, { method: "DELETE" })).status, 200);
  assert.equal((await server.request(location, { method: "DELETE" })).status, 404);
  assert.equal((await server.view(id)).viewers, 0);

  const noCodec = await post(offer(["VP9"]));
  assert.equal(noCodec.status, 406);
  assert.match((await noCodec.json()).type, /no-common-codec/);
  for (const method of ["GET", "HEAD", "PUT"]) assert.equal((await server.request(links.whep, { method })).status, 405);
  const options = await server.request(links.whep, { method: "OPTIONS" });
  assert.equal(options.status, 204);
  assert.equal(options.headers.get("accept-post"), "application/sdp");
});

Deno.test("WHEP: a finished session can be watched after a restart, one without frames cannot", async () => {
  const engine = createGatedEngine();
  await using server = await startServer({ engine });
  engine.admit(1);
  const { links } = await server.ended((await server.start({ durationSeconds: "1" })).id);
  const empty = await server.start();
  await server.request(`/api/sessions/${empty.id}/stop`, { method: "POST" });
  await server.stop();
  await using later = await startServer({ dataDir: server.dataDir });
  const init = { method: "POST", headers: { "content-type": "application/sdp" }, body: offer(["VP8"]) };
  assert.equal((await later.request(links.whep, init)).status, 201);
  const nothing = await later.request(empty.links.whep, init);
  assert.equal(nothing.status, 409);
  assert.match((await nothing.json()).type, /no-live-picture/);
});

Deno.test("WHEP: who watches goes on watching after the end, a stop and a failure, on the same connection", async () => {
  const engine = createGatedEngine();
  await using server = await startServer({ engine });
  const watched = [];
  for (const end of ["completed", "stopped", "failed"]) {
    const { id, links } = await server.start({ durationSeconds: "3" });
    const init = { method: "POST", headers: { "content-type": "application/sdp" }, body: offer(["VP8"]) };
    assert.equal((await server.request(links.whep, init)).status, 201);
    engine.admit(1);
    await server.event(id, ({ event, data }) => event === "progress" && data.timings.sections.length === 1);
    if (end === "completed") engine.admit(1);
    if (end === "failed") engine.failWith(new EngineLostError("The engine process was lost"));
    if (end === "stopped") await server.request(`${links.self}/stop`, { method: "POST" });
    assert.equal((await server.ended(id)).state, end);
    watched.push(id);
  }
  for (const id of watched) assert.equal((await server.view(id)).viewers, 1);
  assert.equal((await (await server.request("/api/health")).json()).viewers, 3);
});
