/**
 * What Prometheus reads of a server.
 */
import assert from "node:assert/strict";
import { type MetricFamily, parseExposition } from "./exposition.ts";
import { createGatedEngine } from "./gated_engine.ts";
import { startServer, type TestServer } from "./server_fixture.ts";
import { joinWhep } from "./whep_receiver.ts";

async function metricsOf(server: TestServer): Promise<ReadonlyMap<string, MetricFamily>> {
  const response = await server.request("/metrics");
  assert.equal(response.status, 200);
  assert.equal(response.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  return parseExposition(await response.text());
}

/** The value of the one sample with these labels. */
function valueOf(families: ReadonlyMap<string, MetricFamily>, name: string, labels: Record<string, string> = {}) {
  const family = families.get(name.replace(/_(bucket|sum|count)$/, "")) ?? families.get(name);
  return family?.samples.find((sample) =>
    sample.name === name && JSON.stringify(sample.labels) === JSON.stringify(labels)
  )?.value;
}

Deno.test("metrics are well-formed before anything has happened, and name their units", async () => {
  await using server = await startServer({ engine: createGatedEngine() });
  const families = await metricsOf(server);
  for (const [name, { help }] of families) {
    assert.match(name, /^(framecast|process)_[a-z_]+$/);
    assert.match(name, /(_total|_seconds|_bytes|_ratio|_info|framecast_(engines|sessions|viewers|encoders))$/, name);
    assert.ok(help.length > 0);
  }
  assert.equal(valueOf(families, "framecast_sessions", { state: "running" }), 0);
  assert.equal(valueOf(families, "framecast_build_info", { version: "0.0.0-test" }), 1);
  assert.ok(valueOf(families, "process_resident_memory_bytes")! > 1e6);
});

Deno.test("metrics count sessions, sections and what waits", async () => {
  const engine = createGatedEngine();
  await using server = await startServer({ engine });
  const first = await server.start({ durationSeconds: "3" });
  const second = await server.start();
  await server.event(first.id, ({ event, data }) => event === "state" && data.state === "running");
  let families = await metricsOf(server);
  assert.equal(valueOf(families, "framecast_sessions", { state: "running" }), 1);
  assert.equal(valueOf(families, "framecast_sessions", { state: "queued" }), 1);
  engine.admit(2);
  await server.ended(first.id);
  await server.request(`/api/sessions/${second.id}/stop`, { method: "POST" });
  families = await metricsOf(server);
  assert.equal(valueOf(families, "framecast_sessions", { state: "completed" }), 1);
  assert.equal(valueOf(families, "framecast_sessions_ended_total", { state: "completed" }), 1);
  assert.equal(valueOf(families, "framecast_sessions_ended_total", { state: "stopped" }), 1);
  for (const work of ["sampling", "decoding"]) {
    assert.equal(valueOf(families, "framecast_section_seconds_count", { work }), 2);
  }
});

Deno.test("metrics tell who watches and what is encoded for them, and forget nothing of those who have left", async () => {
  const engine = createGatedEngine();
  await using server = await startServer({ engine });
  const { links } = await server.start({ durationSeconds: "1" });
  const headers = { "content-type": "application/sdp" };
  const viewer = await joinWhep((body) =>
    server.request(`${links.whep}?view=growing`, { method: "POST", headers, body })
  );
  await viewer.pictures(3);
  const stream = (await server.request("/api/channels/stage/live.ts")).body!.getReader();
  await stream.read();
  let families = await metricsOf(server);
  const vp8 = { view: "growing", codec: "vp8", quality: "high" };
  assert.equal(valueOf(families, "framecast_viewers", { transport: "webrtc", ...vp8 }), 1);
  assert.equal(valueOf(families, "framecast_viewers", { transport: "mpegts" }), 1);
  assert.equal(valueOf(families, "framecast_encoders", vp8), 1);
  assert.equal(valueOf(families, "framecast_viewers_served_total"), 1);
  const encoded = valueOf(families, "framecast_pictures_encoded_total", vp8)!;
  const packets = valueOf(families, "framecast_rtp_packets_sent_total")!;
  assert.ok(encoded >= 3 && packets >= 3, `${encoded} pictures, ${packets} packets`);
  assert.ok(
    valueOf(families, "framecast_encoded_bytes_total", { view: "arrival", codec: "h264", quality: "high" })! > 0,
  );

  await stream.cancel();
  await viewer[Symbol.asyncDispose]();
  assert.equal((await server.request(links.self, { method: "DELETE" })).status, 204);
  families = await metricsOf(server);
  assert.equal(valueOf(families, "framecast_viewers", { transport: "mpegts" }), 0);
  assert.equal(valueOf(families, "framecast_encoders", vp8), 0);
  assert.ok(valueOf(families, "framecast_pictures_encoded_total", vp8)! >= encoded);
  assert.ok(valueOf(families, "framecast_rtp_packets_sent_total")! >= packets);
  assert.equal(valueOf(families, "framecast_viewers_served_total"), 1);
});

Deno.test("parseExposition() takes offence at what a scraper would", () => {
  const head = "# HELP a_total A\n# TYPE a_total counter\n";
  const histogram = "# HELP h H\n# TYPE h histogram\n";
  assert.equal(parseExposition(`${head}a_total{x="\\"\\n"} 1e3\n`).get("a_total")!.samples[0]!.labels.x, '"\n');
  const bad = [
    `${head}a_total 1`,
    "a_total 1\n",
    `${head}a_total one\n`,
    `${head}a_total -1\n`,
    `${head}a_total 1\na_total 2\n`,
    `${head}b 1\n`,
    `${head}a_total{x='1'} 1\n`,
    `${head}a_total{x="1",x="2"} 1\n`,
    `${head}${head}a_total 1\n`,
    "# HELP a A\n# TYPE a counter\na 1\n",
    `${histogram}h_bucket{le="1"} 1\nh_sum 1\nh_count 1\n`,
    `${histogram}h_bucket{le="1"} 2\nh_bucket{le="+Inf"} 1\nh_sum 1\nh_count 1\n`,
    `${histogram}h_bucket{le="+Inf"} 1\nh_sum 1\nh_count 2\n`,
  ];
  for (const text of bad) assert.throws(() => parseExposition(text), Error, text);
});
