/** Floods, garbage and strangers at a live stream: none costs another viewer a frame. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createSocket } from "node:dgram";
import { Message } from "werift";
import { OfferError, ViewerLimitError } from "../src/stream/mod.ts";
import { createPeer, faultsOf, watchLive } from "./live_receiver.ts";
import { edge, openStripedStream } from "./striped_stream.ts";

Deno.test("a viewer that does not read its channel has it closed, and goes on seeing its picture", async () => {
  await using live = openStripedStream();
  const { promise: isOver, resolve: over } = Promise.withResolvers<void>();
  async function* flood() {
    for (let id = 1;; id++) {
      yield { id, event: "progress", data: "x".repeat(50_000) };
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
  }
  const events = () => {
    const source = flood();
    return { [Symbol.asyncIterator]: () => ({ next: () => source.next(), return: () => (over(), source.return()) }) };
  };
  await using receiver = await watchLive(live, { choice: edge, events, listens: "yes" });
  await receiver.until(() => receiver.messages.length > 0);
  receiver.peer.dtlsTransports[0]!.dataReceiver = () => {}; // nothing that comes by the channel is taken or acknowledged
  await isOver;
  const { length } = receiver.packets;
  await receiver.until(() => receiver.packets.length > length + 60);
  assert.deepEqual(faultsOf(receiver.packets), []);
});

Deno.test("a stream takes as many viewers as its limits say, those that are still connecting too", async () => {
  await using live = openStripedStream();
  await using watching = await watchLive(live, { choice: edge, address: "192.0.2.1" });
  const peers: ReturnType<typeof createPeer>[] = [];
  const refusals: ViewerLimitError[] = [];
  const join = async (address: string) => {
    const peer = createPeer();
    peers.push(peer);
    peer.addTransceiver("video", { direction: "recvonly" });
    await peer.setLocalDescription(await peer.createOffer());
    try {
      return await live.answer(peer.localDescription!.sdp, { choice: edge, address }); // and never connects
    } catch (error) {
      assert.ok(error instanceof ViewerLimitError);
      refusals.push(error);
      return undefined;
    }
  };
  const half = await Promise.all([1, 2, 3, 4].map(() => join("192.0.2.1")));
  assert.deepEqual(refusals.map(({ limit }) => limit), ["viewersPerAddress", "viewersPerAddress"]);
  const stream = live.transportStream(edge, { address: "192.0.2.2" });
  await join("192.0.2.2");
  assert.throws(() => live.transportStream(edge), ViewerLimitError);
  assert.equal(refusals.length, 2);
  await join("192.0.2.2");
  assert.deepEqual([refusals.at(-1)!.limit, live.viewers], ["viewers", 5]);
  await stream.cancel();
  live.removeViewer(half.find((answer) => answer !== undefined)!.viewerId);
  assert.equal(live.viewers, 3);
  await join("192.0.2.1");
  assert.equal(live.viewers, 4);
  await watching.until(() => watching.packets.length > 30);
  assert.deepEqual(faultsOf(watching.packets), []);
  await Promise.all(peers.map((peer) => peer.close()));
});

Deno.test("garbage sent to a viewer's port changes nothing for anybody", async () => {
  await using live = openStripedStream();
  await using attacked = await watchLive(live, { choice: edge });
  await using other = await watchLive(live, { choice: edge });
  await attacked.until(() => attacked.packets.length > 10);
  const socket = createSocket("udp4");
  const connecting = createPeer();
  connecting.addTransceiver("video", { direction: "recvonly" });
  await connecting.setLocalDescription(await connecting.createOffer());
  const half = await live.answer(connecting.localDescription!.sdp, { choice: edge });
  for (const datagram of garbage()) {
    for (const { answerSdp } of [attacked, half]) {
      await new Promise((resolve) => socket.send(datagram, portOf(answerSdp), "127.0.0.1", resolve));
    }
  }
  socket.close();
  live.removeViewer(half.viewerId);
  await connecting.close();
  for (const receiver of [attacked, other]) {
    const { length } = receiver.packets;
    await receiver.until(() => receiver.packets.length > length + 60);
    assert.deepEqual(faultsOf(receiver.packets), []);
  }
  assert.equal(live.viewers, 2);
});

Deno.test("who has not seen the answer gets no answer to its checks, and cannot stand in a viewer's way", async () => {
  await using live = openStripedStream();
  const thief = createSocket("udp4");
  let heard = 0;
  thief.on("message", () => heard++);
  const ask = async (answerSdp: string) => {
    const ufrag = /^a=ice-ufrag:(\S+)/m.exec(answerSdp)![1]!;
    for (const password of [undefined, "0123456789012345678901"]) {
      const request = bindingRequest(`${ufrag}:thief`, password);
      await new Promise((resolve) => thief.send(request, portOf(answerSdp), "127.0.0.1", resolve));
    }
  };
  await using receiver = await watchLive(live, { choice: edge, beforeConnecting: ask });
  await receiver.until(() => receiver.packets.length > 10);
  await ask(receiver.answerSdp);
  const { length } = receiver.packets;
  await receiver.until(() => receiver.packets.length > length + 30);
  assert.equal(heard, 0);
  assert.deepEqual(faultsOf(receiver.packets), []);
  await new Promise<void>((resolve) => thief.close(() => resolve()));
});

/** RFC 8445 section 7.1: a check that wants to become the connection, with a password or without. */
function bindingRequest(username: string, password: string | undefined): Uint8Array {
  const request = new Message(1, 0) // BINDING, REQUEST
    .setAttribute("USERNAME", username)
    .setAttribute("PRIORITY", 2_113_937_151)
    .setAttribute("ICE-CONTROLLING", 1n)
    .setAttribute("USE-CANDIDATE", null);
  if (password !== undefined) request.addMessageIntegrity(Buffer.from(password));
  return request.addFingerprint().bytes;
}

const portOf = (answerSdp: string) => Number(/^a=candidate:\S+ 1 udp \d+ 127\.0\.0\.1 (\d+)/mi.exec(answerSdp)![1]);

/** What looks like STUN, DTLS, SRTP and SRTCP by its first byte (RFC 7983 section 7) and is none, each cut off everywhere. */
function* garbage(): Generator<Uint8Array> {
  const stun = [0, 1, 0, 8, 0x21, 0x12, 0xa4, 0x42, ...Array(12).fill(7), 0, 6, 0, 4, 65, 58, 66, 67];
  const clientHello = [22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 9, 0, 40, 1, 0, 0, 28, 0, 0, 0, 0, 0, 0, 0, 28, 254, 253];
  const record = [20, 254, 253, 0, 1, 0, 0, 0, 0, 0, 9, 0, 2, 1, 1];
  const receiverReport = [0x81, 201, 0, 7, ...Array(28).fill(3), 0x80, 0, 0, 1, ...Array(16).fill(9)];
  const rtp = [0x90, 96, 0, 1, ...Array(8).fill(5), 0xbe, 0xde, 255, 255, 1, 2];
  for (const whole of [stun, clientHello, record, receiverReport, rtp]) {
    for (let length = 1; length <= whole.length; length++) yield Uint8Array.from(whole.slice(0, length));
  }
  for (let first = 0; first < 256; first++) {
    for (const length of [1, 12, 13, 20, 60, 1200]) {
      yield Uint8Array.from({ length }, (_, at) => at === 0 ? first : (at * 2654435761 * (first + 1)) >>> 24);
    }
  }
}

Deno.test("an offer of absurd size is refused or harmless, at once", async () => {
  await using live = openStripedStream();
  await using watching = await watchLive(live, { choice: edge });
  await watching.until(() => watching.packets.length > 10);
  const peer = createPeer();
  peer.addTransceiver("video", { direction: "recvonly" });
  await peer.setLocalDescription(await peer.createOffer());
  const { sdp } = peer.localDescription!;
  const candidate = "a=candidate:1 1 udp 2113937151 192.0.2.9 50000 typ host\r\n";
  const line = sdp.slice(sdp.indexOf("m=video"));
  const bombs = {
    candidates: sdp + candidate.repeat(10_000),
    attributes: sdp + "a=x:1\r\n".repeat(100_000),
    codecs: sdp + Array.from({ length: 20_000 }, (_, k) => `a=rtpmap:${k % 128} VP8/90000\r\n`).join(""),
    lines: sdp + line.replace(/a=mid:\w+/, "a=mid:9").repeat(500),
    payloads: sdp.replace(/^(m=video .*)$/m, `$1${" 97".repeat(20_000)}`),
  };
  const outcomes: Record<string, string> = {};
  for (const [name, bomb] of Object.entries(bombs)) {
    const startMs = performance.now();
    try {
      live.removeViewer((await live.answer(bomb, { choice: edge })).viewerId);
      outcomes[name] = "harmless";
    } catch (error) {
      assert.ok(error instanceof OfferError, `${name}: ${error}`);
      outcomes[name] = error.reason;
    }
    const tookMs = performance.now() - startMs;
    assert.ok(tookMs < 100, `${name} took ${tookMs} ms`);
  }
  assert.equal(outcomes.candidates, "harmless");
  assert.deepEqual(Object.values(outcomes).slice(1), Array(4).fill("unreadable"));
  const { length } = watching.packets;
  await watching.until(() => watching.packets.length > length + 30);
  assert.deepEqual(faultsOf(watching.packets), []);
  await peer.close();
});
