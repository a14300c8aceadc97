import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { H264RtpPayload, RTCPeerConnection, type RtpPacket, SrtpSession, useH264, useVP8, useVP9 } from "werift";
import type { AccessUnit } from "./access_unit.ts";
import { OfferError } from "./errors.ts";
import { answerOffer, createPacketizer, type Viewer } from "./viewer.ts";

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
): Promise<{ sent: ReturnType<ReturnType<typeof createPacketizer>["packetize"]>; received: RtpPacket[] }> {
  const sent = createPacketizer("vp8").packetize(vp8Key, 123_456_789);
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

Deno.test("Viewer.send() brings every packet with its own timestamp and sequence number", async () => {
  const peer = createReceiver();
  await using viewer = await answerOffer(await offerOf(peer), { codecs, network });
  const { sent, received } = await passOneUnit({ viewer, peer, answerSdp: viewer.answerSdp });
  assert.equal(sent.length, 3);
  const numbers = (packets: readonly { header: { timestamp: number; sequenceNumber: number } }[]) =>
    packets.map(({ header }) => [header.timestamp, header.sequenceNumber]);
  assert.deepEqual(numbers(received), numbers(sent));
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
      viewer.send(createPacketizer("vp8").packetize(vp8Key, 0));
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

const sps = [0x67, 0x42, 0xc0, 0x1f, 1, 2, 3];
const pps = [0x68, 0xce, 0x3c, 0x80];
/** ISO/IEC 14496-15, 5.3.3.1. */
function avcRecord(pictureParameters: number[]): Uint8Array {
  const head = [1, 0x42, 0xc0, 0x1f, 0xfc | 3]; // version, profile, compatibility, level, length size − 1
  return new Uint8Array([...head, 0xe1, 0, sps.length, ...sps, 1, 0, pictureParameters.length, ...pictureParameters]);
}

function h264Unit(nalBytes: number, type: number, configuration: Uint8Array): AccessUnit {
  const nal = new Uint8Array(nalBytes).fill(7);
  nal[0] = type;
  const data = new Uint8Array([nalBytes >>> 24, nalBytes >>> 16, nalBytes >>> 8, nalBytes, ...nal]);
  return { frameNumber: 0, isKeyFrame: type === 0x65, data, configuration };
}

Deno.test("createPacketizer(h264) leaves NAL units alone whose length looks like a start code", () => {
  const packetizer = createPacketizer("h264");
  for (let nalBytes = 200; nalBytes < 600; nalBytes++) {
    const packets = packetizer.packetize(h264Unit(nalBytes, 0x41, avcRecord(pps)), 0);
    const annexB = Buffer.concat(packets.map(({ payload }) => H264RtpPayload.deSerialize(payload).payload));
    assert.deepEqual([...annexB.subarray(0, 4)], [0, 0, 0, 1]);
    assert.equal(annexB.length, 4 + nalBytes);
  }
});

Deno.test("createPacketizer(h264) sends the parameter sets before each key frame and numbers on when they change", () => {
  const packetizer = createPacketizer("h264");
  const otherPps = [...pps, 9];
  const units = [[0x65, pps], [0x41, pps], [0x65, otherPps]] as const;
  const packets = units.map(([type, picture]) =>
    packetizer.packetize(h264Unit(3000, type, avcRecord([...picture])), 0)
  );
  const stapA = 24; // RFC 6184 section 5.7.1
  assert.deepEqual(packets.map(([first]) => first!.payload[0]! & 31), [stapA, 28, stapA]);
  assert.ok(packets[2]![0]!.payload.includes(Buffer.from(otherPps)));
  const numbers = packets.flat().map(({ header }) => header.sequenceNumber);
  assert.ok(numbers.every((number, k) => k === 0 || number === ((numbers[k - 1]! + 1) & 0xffff)));
});

Deno.test("createPacketizer(vp8) keeps every packet below the smallest MTU", () => {
  const packets = createPacketizer("vp8").packetize({ ...vp8Key, data: new Uint8Array(50_000) }, 0);
  assert.ok(packets.every(({ payload }) => payload.length <= 1180));
});

const keys = {
  localMasterKey: Buffer.alloc(16, 1),
  localMasterSalt: Buffer.alloc(14, 2),
  remoteMasterKey: Buffer.alloc(16, 1),
  remoteMasterSalt: Buffer.alloc(14, 2),
};

Deno.test("the mended AES-CM cipher still makes what a receiver can decrypt", () => {
  const session = new SrtpSession({ profile: 1, keys });
  for (const { header, payload } of createPacketizer("vp8").packetize(vp8Key, 5) as RtpPacket[]) {
    const decrypted = session.decrypt(session.encrypt(payload, header));
    assert.deepEqual(decrypted.subarray(-payload.length), payload);
  }
});

Deno.test("the mended AES-CM cipher leaves nothing behind", () => {
  const session = new SrtpSession({ profile: 1, keys });
  const [packet] = createPacketizer("vp8").packetize(vp8Key, 5) as RtpPacket[];
  const encrypt = (count: number) => {
    for (let k = 0; k < count; k++) {
      packet!.header.sequenceNumber = k & 0xffff;
      session.encrypt(packet!.payload.subarray(0, 16), packet!.header);
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
