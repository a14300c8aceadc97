/** Live streams as their viewers get them: real connections on loopback, real encoders. */
import assert from "node:assert/strict";
import type { ViewChoice } from "../src/stream/mod.ts";
import { faultsOf, ticksBetween, watchLive } from "./live_receiver.ts";
import { arrival, edge, openStripedStream } from "./striped_stream.ts";

Deno.test("a viewer chooses another view on its connection and misses nothing", async () => {
  await using live = openStripedStream();
  await using moving = await watchLive(live, { choice: edge });
  await using staying = await watchLive(live, { choice: edge });
  const widths = () => moving.packets.flatMap(({ keyFrame }) => keyFrame ? [keyFrame.widthPx] : []);
  for (const [choice, widthPx] of [[arrival, 96], [edge, 64], [arrival, 96]] as const) {
    await moving.until(() => ticksBetween(moving.packets).length > 10);
    assert.ok(live.choose(moving.viewerId, choice));
    await moving.until(() => widths().at(-1) === widthPx);
    const { length } = moving.packets;
    await moving.until(() => moving.packets.length > length + 30);
  }
  assert.equal(live.choose("nobody", edge), false);
  assert.deepEqual(faultsOf(moving.packets), []);
  assert.deepEqual(faultsOf(staying.packets), []);
  assert.ok(Math.max(...ticksBetween(moving.packets)) < 60, `${ticksBetween(moving.packets)}`);
  assert.ok(staying.packets.every(({ keyFrame }) => (keyFrame?.widthPx ?? 64) === 64));
});

Deno.test("a viewer that opens the channel hears the session's events and what its own picture shows", async () => {
  await using live = openStripedStream();
  const signals: AbortSignal[] = [];
  async function* events(signal: AbortSignal) {
    signals.push(signal);
    yield { id: 7, event: "progress", data: { percent: 5 } };
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
  }
  const listener = await watchLive(live, { choice: edge, events, listens: "yes" });
  await using deaf = await watchLive(live, { choice: edge, events });
  await listener.until(() => listener.messages.some(({ event }) => event === "progress"));
  await listener.until(() => listener.messages.some(({ event }) => event === "playout"));
  assert.deepEqual(listener.messages.find(({ event }) => event === "progress"), {
    id: 7,
    event: "progress",
    data: { percent: 5 },
  });
  live.choose(listener.viewerId, arrival);
  await listener.until(() =>
    listener.messages.at(-1)!.event === "playout" && shown(listener.messages.at(-1)!) === "arrival"
  );
  assert.deepEqual(Object.keys(listener.messages.at(-1)!), ["event", "data"], "its own picture's have no number");
  assert.deepEqual(listener.messages.filter(({ event }) => event === "playout").map(shown), ["edge", "arrival"]);
  await deaf.until(() => deaf.packets.length > 10);
  assert.ok(!deaf.answerSdp.includes("m=application"));
  assert.equal(signals.length, 1);
  live.removeViewer(listener.viewerId);
  assert.ok(signals[0]!.aborted);
  await listener[Symbol.asyncDispose]();
});

const shown = ({ data }: Record<string, unknown>) => (data as ViewChoice).view;

Deno.test("a transport stream begins with its tables, and holds no encoder once it is cancelled", async () => {
  await using live = openStripedStream();
  const reader = live.transportStream(edge).getReader();
  const { value } = await reader.read();
  assert.deepEqual([value![0], value![1]! & 0x1f, value![2]], [0x47, 0, 0], "a program association table");
  assert.equal(live.viewers, 1);
  await reader.cancel();
  assert.equal(live.viewers, 0);
  const [rendition] = live.stats().renditions;
  assert.deepEqual([rendition!.codec, rendition!.viewers], ["h264", 0]);
  assert.ok(rendition!.picturesEncoded >= 1);
});

const hasIpv6 = Deno.networkInterfaces().some(({ address }) => address === "::1");

Deno.test({
  name: "a viewer may come over IPv6",
  ignore: !hasIpv6,
  async fn() {
    await using live = openStripedStream();
    await using receiver = await watchLive(live, { choice: edge, way: "udp6" });
    await receiver.until(() => receiver.packets.length > 10);
    assert.match(receiver.answerSdp, /^a=candidate:\S+ 1 udp \d+ ::1 /m);
    assert.ok(!/^a=candidate:\S+ 1 udp \d+ fe80:/mi.test(receiver.answerSdp), "link-local ones need a zone");
  },
});

const mayListen = Deno.networkInterfaces().filter(({ family }) => family === "IPv4").every(({ address }) =>
  Deno.permissions.querySync({ name: "net", host: `${address}:0` }).state === "granted"
);

Deno.test({
  name: "a viewer may come by TCP where that is offered, and only there",
  ignore: !mayListen,
  async fn() {
    const answerFor = (sdp: string) => sdp.replace(/^a=candidate:\S+ 1 udp .*\r\n/gmi, "");
    await using live = openStripedStream({ network: { hostAddresses: [], tcp: "offered" } });
    await using receiver = await watchLive(live, { choice: edge, way: "tcp", answerFor });
    await receiver.until(() => receiver.packets.length > 30);
    assert.deepEqual(faultsOf(receiver.packets), []);
    await using without = openStripedStream();
    await using other = await watchLive(without, { choice: edge });
    assert.ok(!/ 1 tcp /i.test(other.answerSdp));
  },
});
