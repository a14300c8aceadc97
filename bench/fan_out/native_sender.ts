/**
 * The same stream from node-datachannel, the reference: WebRTC in native code. The product does not use it.
 *
 *     deno run … bench/fan_out/native_sender.ts FOLDER_OF_NODE_DATACHANNEL
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { createRequire } from "node:module";
import { type Packet, packetize } from "../../src/stream/packetizer.ts";
import { serveStream, unitOf } from "./stream.ts";

/** The parts of node-datachannel 0.33 that are used here. */
interface NodeDataChannel {
  readonly PeerConnection: new (name: string, config: Readonly<Record<string, unknown>>) => PeerConnection;
}

interface PeerConnection {
  setRemoteDescription(sdp: string, type: "offer"): void;
  onTrack(listener: (track: Track) => void): void;
  onGatheringStateChange(listener: (state: string) => void): void;
  localDescription(): { readonly sdp: string };
}

interface Track {
  onOpen(listener: () => void): void;
  isOpen(): boolean;
  sendMessageBinary(packet: Buffer): boolean;
}

const library: NodeDataChannel = createRequire(`${Deno.args[0]}/`)("node-datachannel");
const tracks = new Set<Track>();
const peers: PeerConnection[] = []; // a peer that nobody holds is ended

const payloadType = 96; // the first of the receivers' offer
let sequenceNumber = 0;

serveStream({
  answer(offerSdp) {
    const { promise, resolve } = Promise.withResolvers<string>();
    const peer = new library.PeerConnection("viewer", { iceServers: [] });
    peers.push(peer);
    peer.onTrack((track) => track.onOpen(() => tracks.add(track)));
    peer.onGatheringStateChange((state) => {
      if (state === "complete") resolve(peer.localDescription().sdp);
    });
    peer.setRemoteDescription(offerSdp, "offer");
    return promise;
  },
  send(frame) {
    const { unit, rtpTimestamp } = unitOf(frame);
    for (const packet of packetize("vp8", unit, rtpTimestamp)) {
      const bytes = serialized(packet);
      for (const track of tracks) track.sendMessageBinary(bytes);
    }
  },
});

/** RFC 3550 section 5.1; one SSRC for all. */
function serialized({ timestamp, marker, payload }: Packet): Buffer {
  const header = Buffer.alloc(12);
  header.writeUInt8(0x80);
  header.writeUInt8((marker ? 0x80 : 0) | payloadType, 1);
  header.writeUInt16BE(sequenceNumber++ & 0xffff, 2);
  header.writeUInt32BE(timestamp, 4);
  header.writeUInt32BE(1, 8);
  return Buffer.concat([header, payload]);
}
