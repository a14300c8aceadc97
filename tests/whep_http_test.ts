/**
 * The WHEP endpoint as HTTP sees it; that pictures arrive is shown with real browsers elsewhere.
 */
import assert from "node:assert/strict";
import { InferenceError } from "../src/engine/mod.ts";
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
    if (end === "failed") engine.failWith(new InferenceError("ONNX Runtime refused"));
    if (end === "stopped") await server.request(`${links.self}/stop`, { method: "POST" });
    assert.equal((await server.ended(id)).state, end);
    watched.push(id);
  }
  for (const id of watched) assert.equal((await server.view(id)).viewers, 1);
  assert.equal((await (await server.request("/api/health")).json()).viewers, 3);
});

Deno.test("WHEP: the servers a viewer may need are told with the answer and before the offer", async () => {
  const iceServers = [
    { url: "stun:stun.example:3478" },
    { url: "turn:turn.example?transport=tcp", username: "me", credential: 'a"b' },
  ];
  await using server = await startServer({ engine: createGatedEngine(), iceServers });
  const { links } = await server.start();
  const link = '<stun:stun.example:3478>; rel="ice-server", <turn:turn.example?transport=tcp>; rel="ice-server"; ' +
    'username="me"; credential="a\\"b"; credential-type="password"';
  const init = { method: "POST", headers: { "content-type": "application/sdp" }, body: offer(["VP8"]) };
  for (const address of [links.whep, "/api/channels/stage/whep"]) {
    const answer = await server.request(address, init);
    assert.equal(answer.headers.get("link"), link);
    assert.match(answer.headers.get("access-control-expose-headers")!, /\bLink\b/);
    assert.equal((await server.request(address, { method: "OPTIONS" })).headers.get("link"), link);
    await server.request(answer.headers.get("location")!, { method: "DELETE" });
  }
  await using bare = await startServer({ engine: createGatedEngine() });
  const answer = await bare.request((await bare.start()).links.whep, init);
  assert.equal(answer.headers.get("link"), null);
});

Deno.test("WHEP: another view on the same connection, for sessions and channels", async () => {
  await using server = await startServer({ engine: createGatedEngine() });
  const { links } = await server.start();
  const init = { method: "POST", headers: { "content-type": "application/sdp" }, body: offer(["VP8"]) };
  for (const whep of [links.whep, "/api/channels/latest/whep", "/api/channels/stage/whep?end=hold"]) {
    const location = (await server.request(`${whep}${whep.includes("?") ? "&" : "?"}view=growing&wait=slow`, init))
      .headers.get("location")!;
    const put = (body: string, type = "application/json", address = `${location}/view`) =>
      server.request(address, { method: "PUT", headers: { "content-type": type }, body });
    assert.equal((await put('{"view":"timeline"}')).status, 204);
    assert.equal((await put('{"view":"edge","wait":"ping-pong","previews":"hidden"}')).status, 204);
    const faults = [
      ['{"view":"sideways"}', "view"],
      ["{}", "view"],
      ['{"view":"edge","wait":"long"}', "wait"],
      ['{"view":"edge","previews":true}', "previews"],
      ['{"view":"edge","colour":"red"}', "colour"],
    ] as const;
    for (const [body, field] of faults) {
      const refused = await put(body);
      assert.equal(refused.status, 422, body);
      assert.equal((await refused.json()).field, field);
    }
    assert.equal((await put("view=edge", "application/x-www-form-urlencoded")).status, 415);
    assert.equal((await put("{")).status, 400);
    assert.equal((await put(`{"view":"${"x".repeat(5000)}"}`)).status, 413);
    assert.equal((await server.request(`${location}/view`)).status, 405);
    const nobody = location.replace(/[^/]+$/, "nobody");
    assert.equal((await put('{"view":"edge"}', undefined, `${nobody}/view`)).status, 404);
    assert.equal((await server.request(location, { method: "DELETE" })).status, 200);
    assert.equal((await put('{"view":"edge"}')).status, 404);
  }
});

Deno.test("WHEP: a flood is refused with the time to come again, and harms nobody who watches", async () => {
  const limits = { viewers: 3, viewersPerAddress: 2 };
  await using server = await startServer({
    engine: createGatedEngine(),
    trustedProxies: ["127.0.0.1"],
    tools: { limits },
  });
  const { id, links } = await server.start();
  const other = await server.start();
  for (
    const [whep, liveTs] of [[links.whep, links.liveTs], ["/api/channels/stage/whep", "/api/channels/stage/live.ts"]]
  ) {
    const join = (address: string, at = whep!) =>
      server.request(at, {
        method: "POST",
        headers: { "content-type": "application/sdp", "x-forwarded-for": address },
        body: offer(["VP8"]),
      });
    const answers = [await join("192.0.2.1"), await join("192.0.2.1"), await join("192.0.2.2")];
    assert.deepEqual(answers.map(({ status }) => status), [201, 201, 201]);
    const refused = await Promise.all(Array.from({ length: 100 }, (_, n) => join(`192.0.2.${n + 3}`)));
    for (const answer of refused) {
      assert.equal(answer.status, 503);
      assert.match(answer.headers.get("retry-after")!, /^[1-9]\d*$/);
      assert.match((await answer.json()).type, /too-many-viewers$/);
    }
    const stream = await server.request(liveTs!);
    assert.equal(stream.status, 503);
    assert.ok(Number(stream.headers.get("retry-after")) > 0);
    await server.request(answers[2]!.headers.get("location")!, { method: "DELETE" });
    const fromThere = await join("192.0.2.1");
    assert.equal(fromThere.status, 503);
    assert.match((await fromThere.json()).detail, /192\.0\.2\.1/);
    assert.equal((await join("192.0.2.9")).status, 201);
    assert.equal((await join("192.0.2.9", `${whep}?end=hold`)).status, 503);
    assert.equal((await join("192.0.2.1", other.links.whep)).status, 201);
    assert.equal((await join("192.0.2.1", "/api/channels/other/whep")).status, 201);
  }
  assert.equal((await server.view(id)).viewers, 3);
});
