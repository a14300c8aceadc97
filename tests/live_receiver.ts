/**
 * A WebRTC peer that watches a live stream without HTTP and without decoding: every packet and message as it comes.
 * @module
 */
import { RTCPeerConnection, type RtpPacket, useVP8 } from "werift";
import type { AnswerOptions, LiveStream } from "../src/stream/mod.ts";

export interface ReceivedPacket {
  readonly sequenceNumber: number;
  readonly timestamp: number;
  /** Of a picture's last packet. */
  readonly marker: boolean;
  /** Of a key frame's first packet: its size. */
  readonly keyFrame?: { readonly widthPx: number; readonly heightPx: number };
}

export interface LiveReceiver extends AsyncDisposable {
  readonly peer: RTCPeerConnection;
  readonly viewerId: string;
  readonly answerSdp: string;
  readonly packets: readonly ReceivedPacket[];
  readonly messages: readonly Record<string, unknown>[];
  /** Resolves when a condition holds, asked after each packet, message or change of state. */
  until(condition: () => boolean): Promise<void>;
}

export interface ReceiverOptions extends AnswerOptions {
  /** Opens a data channel `events`. */
  readonly listens?: "yes" | "no";
  /** The only way it goes. */
  readonly way?: "udp" | "udp6" | "tcp";
  /** Done with the answer before it is used. */
  readonly beforeConnecting?: (answerSdp: string) => Promise<void>;
  /** Changes the answer before it is used. */
  readonly answerFor?: (answerSdp: string) => string;
}

export function createPeer(way: "udp" | "udp6" | "tcp" = "udp"): RTCPeerConnection {
  return new RTCPeerConnection({
    codecs: { video: [useVP8()], audio: [] },
    iceServers: [{ urls: "stun:127.0.0.1:9" }], // none; left out, werift asks one on the internet
    iceStunGatherTimeout: 0.001,
    iceAdditionalHostAddresses: way === "udp6" ? ["::1"] : ["127.0.0.1"],
    iceUseIpv6: way === "udp6",
    iceUseIpv4: way !== "udp6",
    iceUseTcp: way === "tcp",
    iceTcpPassive: false,
  });
}

/** Joins a stream. @throws what `LiveStream.answer` throws */
export async function watchLive(live: LiveStream, options: ReceiverOptions): Promise<LiveReceiver> {
  const { listens = "no", way = "udp", answerFor = (sdp) => sdp, beforeConnecting, ...answerOptions } = options;
  const peer = createPeer(way);
  const packets: ReceivedPacket[] = [];
  const messages: Record<string, unknown>[] = [];
  let change = Promise.withResolvers<void>();
  const changed = () => {
    change.resolve();
    change = Promise.withResolvers();
  };
  peer.onTrack.subscribe((track) =>
    track.onReceiveRtp.subscribe((packet) => {
      packets.push(received(packet));
      changed();
    })
  );
  peer.connectionStateChange.subscribe(changed);
  peer.addTransceiver("video", { direction: "recvonly" });
  if (listens === "yes") {
    peer.createDataChannel("events").onMessage.subscribe((message) => {
      messages.push(JSON.parse(message.toString()));
      changed();
    });
  }
  try {
    await peer.setLocalDescription(await peer.createOffer());
    const { viewerId, answerSdp } = await live.answer(peer.localDescription!.sdp, answerOptions);
    await beforeConnecting?.(answerSdp);
    await peer.setRemoteDescription({ type: "answer", sdp: answerFor(answerSdp) });
    const until = async (condition: () => boolean) => {
      while (!condition()) await change.promise;
    };
    return { peer, viewerId, answerSdp, packets, messages, until, [Symbol.asyncDispose]: () => peer.close() };
  } catch (error) {
    await peer.close();
    throw error;
  }
}

/** RFC 7741 section 4.2: the descriptor of one byte says where a frame starts. RFC 6386 section 9.1: tag, start code, size. */
function received({ header, payload }: RtpPacket): ReceivedPacket {
  const { sequenceNumber, timestamp, marker } = header;
  const isKeyFrame = payload[0] === 0x10 && (payload[1]! & 1) === 0;
  if (!isKeyFrame) return { sequenceNumber, timestamp, marker };
  const keyFrame = { widthPx: payload.readUInt16LE(7) & 0x3fff, heightPx: payload.readUInt16LE(9) & 0x3fff };
  return { sequenceNumber, timestamp, marker, keyFrame };
}

/** What is wrong with a row of packets: a number left out, or a time that does not grow. Empty: nothing. */
export function faultsOf(packets: readonly ReceivedPacket[]): string[] {
  return packets.slice(1).flatMap((packet, k) => {
    const before = packets[k]!;
    const step = (packet.sequenceNumber - before.sequenceNumber) & 0xffff;
    const time = (packet.timestamp - before.timestamp) | 0;
    const isRight = step === 1 && (before.marker ? time > 0 : time === 0);
    return isRight ? [] : [`packet ${k + 1}: number +${step}, time +${time}`];
  });
}

/** Ticks between the pictures of a row. */
export function ticksBetween(packets: readonly ReceivedPacket[]): number[] {
  const pictures = packets.filter(({ marker }) => marker);
  return pictures.slice(1).map(({ timestamp }, k) => ((timestamp - pictures[k]!.timestamp) | 0) / 3000);
}
