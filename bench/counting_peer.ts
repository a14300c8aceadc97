/**
 * A viewer that joins as any other, then reads of each packet only its number, so that it costs this machine as little
 * as possible. It never asks for a packet again.
 * @module
 */
import { type RTCIceTransport, RTCPeerConnection, useVP8 } from "werift";

export interface CountingPeer {
  /** Where the viewer can be chosen for and deleted. */
  readonly location: string;
  /** Without a word to the server. */
  close(): Promise<void>;
}

/** Packets that pass into werift, so that it reports back once a second, as a viewer does. */
const firstPackets = 10;

/**
 * @param onPacket gets an RTP packet, encrypted as it came
 * @throws when the server refuses
 */
export async function joinCounting(url: string, onPacket: (packet: Uint8Array) => void): Promise<CountingPeer> {
  const peer = new RTCPeerConnection({
    codecs: { video: [useVP8()], audio: [] },
    iceServers: [{ urls: "stun:127.0.0.1:9" }],
    iceStunGatherTimeout: 0.001,
    iceUseIpv6: false,
    iceAdditionalHostAddresses: ["127.0.0.1"],
  });
  peer.addTransceiver("video", { direction: "recvonly" });
  await peer.setLocalDescription(await peer.createOffer());
  peer.iceTransports.forEach((transport) => tapPackets(transport, onPacket));
  const headers = { "content-type": "application/sdp" };
  const response = await fetch(url, { method: "POST", headers, body: peer.localDescription!.sdp });
  if (!response.ok) {
    await peer.close();
    throw new Error(`${response.status}: ${await response.text()}`);
  }
  await peer.setRemoteDescription({ type: "answer", sdp: await response.text() });
  return { location: new URL(response.headers.get("location") ?? "", url).href, close: () => peer.close() };
}

/** What werift keeps to itself: where datagrams of a connection come in. */
interface Datagrams {
  onData(data: Uint8Array, from: readonly [string, number]): void;
}

function tapPackets({ connection }: RTCIceTransport, onPacket: (packet: Uint8Array) => void): void {
  const { protocols } = connection as unknown as { readonly protocols: readonly { transport: Datagrams }[] };
  let passed = 0;
  for (const { transport } of protocols) {
    const take = transport.onData;
    transport.onData = (data, from) => {
      if (isRtp(data)) onPacket(data);
      if (!isRtp(data) || passed++ < firstPackets) take(data, from);
    };
  }
}

/** RFC 5761 section 4, RFC 7983 section 7. */
function isRtp(data: Uint8Array): boolean {
  const isMedia = data[0]! >= 128 && data[0]! < 192;
  const isRtcp = data[1]! >= 192 && data[1]! < 224;
  return isMedia && !isRtcp;
}
