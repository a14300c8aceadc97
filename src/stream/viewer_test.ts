import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { RTCPeerConnection, RtpHeader, type RtpPacket, SrtpSession, useH264, useVP8, useVP9 } from "werift";
import type { AccessUnit } from "./access_unit.ts";
import { OfferError } from "./errors.ts";
import { type Packet, packetize } from "./packetizer.ts";
import { answerOffer, type Viewer } from "./viewer.ts";

const network = { hostAddresses: [] };
const codecs = ["vp8", "h264"] as const;
const vp8Key: AccessUnit = { frameNumber: 0, isKeyFrame: true, data: new Uint8Array(3000).fill(0x10) };

/** A receiving peer of the same library, which is no browser but does DTLS, SRTP and RTCP. */
function createReceiver(video = [useVP8(), useH264()]): RTCPeerConnection {
  const peer = new RTCPeerConnection({
    codecs: { video, audio: [] },
    iceServers: [{ urls: "stun:127.0.0.1:9" }],
    iceStunGatherTimeout: 0.001,
    iceAdditionalHostAddresses: ["127.0.0.1"],
    iceUseIpv6: false,
  });
  peer.addTransceiver("video", { direction: "recvonly" });
  return peer;
}

async function offerOf(peer: RTCPeerConnection): Promise<string> {
  await peer.setLocalDescription(await peer.createOffer());
  return peer.localDescription!.sdp;
}

/** Sends one access unit as soon as the viewer is connected and gives back what arrives of it. */
async function passOneUnit(
  { viewer, peer, answerSdp }: { viewer: Viewer; peer: RTCPeerConnection; answerSdp: string },
): Promise<{ sent: Packet[]; received: RtpPacket[] }> {
  const sent = packetize("vp8", vp8Key, 123_456_789);
  const received: RtpPacket[] = [];
  const { promise: complete, resolve } = Promise.withResolvers<void>();
  peer.onTrack.subscribe((track) =>
    track.onReceiveRtp.subscribe((packet) => {
      received.push(packet);
      if (packet.header.marker) resolve();
    })
  );
  await peer.setRemoteDescription({ type: "answer", sdp: answerSdp });
  for await (const event of viewer.events) if (event === "connected") break;
  viewer.send(sent);
  await soon(complete);
  return { sent, received };
}

/** What takes a fraction of a second, or never comes. */
async function soon<Result>(result: Promise<Result>): Promise<Result> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error("It did not come within five seconds")), 5000);
  return await Promise.race([result, late]).finally(() => clearTimeout(timer));
}

Deno.test("answerOffer() answers at once, as ICE-lite DTLS server with host candidates only", async () => {
  const peer = createReceiver();
  const offer = await offerOf(peer);
  const startMs = performance.now();
  await using viewer = await answerOffer(offer, { codecs, network: { hostAddresses: ["192.0.2.7"] } });
  assert.ok(performance.now() - startMs < 1000, "asking the built-in STUN server would take five seconds");
  const candidates = viewer.answerSdp.match(/^a=candidate.*$/gm) ?? [];
  assert.ok(candidates.every((candidate) => candidate.endsWith("typ host") || candidate.includes("typ host ")));
  for (const address of ["127.0.0.1", "192.0.2.7"]) assert.ok(candidates.some((line) => line.includes(` ${address} `)));
  for (const line of ["a=ice-lite", "a=setup:passive"]) assert.ok(viewer.answerSdp.includes(`${line}\r\n`));
  assert.equal(viewer.codec, "vp8");
  await peer.close();
});

Deno.test("Viewer.send() brings every packet with its timestamp, numbered without a gap", async () => {
  const peer = createReceiver();
  await using viewer = await answerOffer(await offerOf(peer), { codecs, network });
  const { sent, received } = await passOneUnit({ viewer, peer, answerSdp: viewer.answerSdp });
  assert.equal(sent.length, 3);
  assert.deepEqual(received.map(({ header }) => header.timestamp), sent.map(({ timestamp }) => timestamp));
  const first = received[0]!.header.sequenceNumber;
  assert.deepEqual(received.map(({ header }) => (header.sequenceNumber - first) & 0xffff), [0, 1, 2]);
  await peer.close();
});

Deno.test("answerOffer() survives a peer that sends its last handshake flight twice", async () => {
  const peer = createReceiver();
  await using viewer = await answerOffer(await offerOf(peer), { codecs, network });
  await using between = await repeatLastFlight(
    Number(/^a=candidate:\S+ 1 udp \d+ 127\.0\.0\.1 (\d+)/m.exec(viewer.answerSdp)![1]),
  );
  const withoutOthers = viewer.answerSdp.replace(/^a=candidate:\S+ 1 udp \d+ (?!127\.0\.0\.1 ).*\r\n/gm, "");
  const answerSdp = withoutOthers.replace(/(127\.0\.0\.1) \d+ typ/, `$1 ${between.port} typ`);
  const { sent, received } = await passOneUnit({ viewer, peer, answerSdp });
  assert.ok(between.repeated > 0);
  assert.equal(received.length, sent.length);
  await peer.close();
});

/**
 * Stands between a peer and `serverPort`. When the peer's last flight is complete (RFC 6347 section 4.2.4), the server
 * gets all of it a second time: what BoringSSL does after 50 ms.
 */
async function repeatLastFlight(serverPort: number): Promise<{ port: number; repeated: number } & AsyncDisposable> {
  const inside = createSocket("udp4");
  const outside = createSocket("udp4");
  let peerPort = 0;
  const state = { repeated: 0 };
  const flight: Uint8Array[] = [];
  outside.on("message", (data: Uint8Array, { port }) => {
    peerPort = port;
    inside.send(data, serverPort, "127.0.0.1");
    const [type, isEncrypted] = [data[0], data[4] === 1]; // record header: type 1, version 2, epoch 2, …
    const isFlight5 = type === 20 || (type === 22 && (isEncrypted || data[13] !== 1)); // all but ClientHello
    if (!isFlight5 || state.repeated > 0) return;
    flight.push(data);
    if (!isEncrypted || type !== 22) return;
    for (const datagram of flight) inside.send(datagram, serverPort, "127.0.0.1");
    state.repeated = flight.length;
  });
  inside.on("message", (data: Uint8Array) => outside.send(data, peerPort, "127.0.0.1"));
  for (const socket of [inside, outside]) {
    socket.bind(0, "127.0.0.1");
    await once(socket, "listening");
  }
  return Object.assign(state, {
    port: outside.address().port,
    [Symbol.asyncDispose]: async () => {
      await Promise.all([inside, outside].map((socket) => {
        const closed = once(socket, "close");
        socket.close();
        return closed;
      }));
    },
  });
}

Deno.test("Viewer.events tells of a lost picture and ends with the connection", async () => {
  const peer = createReceiver();
  const viewer = await answerOffer(await offerOf(peer), { codecs, network });
  const { promise: mediaSsrc, resolve } = Promise.withResolvers<number>();
  peer.onTrack.subscribe((track) => track.onReceiveRtp.once((packet) => resolve(packet.header.ssrc)));
  await peer.setRemoteDescription({ type: "answer", sdp: viewer.answerSdp });
  const events: string[] = [];
  for await (const event of viewer.events) {
    events.push(event);
    if (event === "connected") {
      viewer.send(packetize("vp8", vp8Key, 0));
      await peer.getTransceivers()[0]!.receiver.sendRtcpPLI(await soon(mediaSsrc));
    } else {
      assert.ok(viewer.packetsReceived > 0);
      await viewer[Symbol.asyncDispose]();
    }
  }
  assert.deepEqual(events, ["connected", "pictureLost"]);
  assert.ok(viewer.ended.aborted);
  await peer.close();
});

async function refusalOf(offer: string, wanted: readonly ("vp8" | "h264")[]): Promise<string> {
  try {
    await using viewer = await answerOffer(offer, { codecs: wanted, network });
    return viewer.codec;
  } catch (error) {
    assert.ok(error instanceof OfferError);
    return error.reason;
  }
}

Deno.test("answerOffer() takes the first of our codecs that the offer has, or refuses", async () => {
  const [both, onlyH264, onlyVp9] = [createReceiver(), createReceiver([useH264()]), createReceiver([useVP9()])];
  const offers = await Promise.all([both, onlyH264, onlyVp9].map((peer) => offerOf(peer)));
  assert.equal(await refusalOf(offers[0]!, ["vp8", "h264"]), "vp8");
  assert.equal(await refusalOf(offers[0]!, ["h264"]), "h264");
  assert.equal(await refusalOf(offers[1]!, ["vp8", "h264"]), "h264");
  assert.equal(await refusalOf(offers[1]!, ["vp8"]), "noCommonCodec");
  assert.equal(await refusalOf(offers[2]!, ["vp8", "h264"]), "noCommonCodec");
  assert.equal(await refusalOf("v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\n", ["vp8"]), "unreadable");
  await Promise.all([both, onlyH264, onlyVp9].map((peer) => peer.close()));
});

const keys = {
  localMasterKey: Buffer.alloc(16, 1),
  localMasterSalt: Buffer.alloc(14, 2),
  remoteMasterKey: Buffer.alloc(16, 1),
  remoteMasterSalt: Buffer.alloc(14, 2),
};

Deno.test("the mended AES-CM cipher still makes what a receiver can decrypt", () => {
  const session = new SrtpSession({ profile: 1, keys });
  for (const { payload } of packetize("vp8", vp8Key, 5)) {
    const decrypted = session.decrypt(session.encrypt(payload, new RtpHeader()));
    assert.deepEqual(decrypted.subarray(-payload.length), payload);
  }
});

Deno.test("the mended AES-CM cipher leaves nothing behind", () => {
  const session = new SrtpSession({ profile: 1, keys });
  const [packet] = packetize("vp8", vp8Key, 5);
  const header = new RtpHeader();
  const encrypt = (count: number) => {
    for (let k = 0; k < count; k++) {
      header.sequenceNumber = k & 0xffff;
      session.encrypt(packet!.payload.subarray(0, 16), header);
    }
    return Deno.memoryUsage().rss;
  };
  const before = encrypt(40_000);
  const grownBytes = encrypt(120_000) - before;
  assert.ok(
    grownBytes < 100e6,
    `grew by ${grownBytes} bytes; about 50 MB wait for the collector, without the mend 150 MB and more`,
  );
});
