/**
 * A WHEP viewer (RFC 9725) that counts pictures and decodes none: for tests about the connection.
 * @module
 */
import { RTCPeerConnection, useVP8 } from "werift";

export interface WhepReceiver extends AsyncDisposable {
  readonly connectionState: string;
  /** Resolves when this many more pictures have come completely. */
  pictures(count: number): Promise<void>;
}

/** @param post sends the offer and brings the answer */
export async function joinWhep(post: (offerSdp: string) => Promise<Response>): Promise<WhepReceiver> {
  const peer = new RTCPeerConnection({
    codecs: { video: [useVP8()], audio: [] },
    iceServers: [{ urls: "stun:127.0.0.1:9" }], // none; left out, werift asks one on the internet
    iceStunGatherTimeout: 0.001,
    iceAdditionalHostAddresses: ["127.0.0.1"],
    iceUseIpv6: false,
  });
  let received = 0;
  let change = Promise.withResolvers<void>();
  peer.onTrack.subscribe((track) =>
    track.onReceiveRtp.subscribe(({ header }) => {
      if (!header.marker) return;
      received++;
      change.resolve();
      change = Promise.withResolvers();
    })
  );
  peer.addTransceiver("video", { direction: "recvonly" });
  await peer.setLocalDescription(await peer.createOffer());
  const response = await post(peer.localDescription!.sdp);
  if (response.status !== 201) throw new Error(`The offer was refused: ${await response.text()}`);
  await peer.setRemoteDescription({ type: "answer", sdp: await response.text() });
  return {
    get connectionState() {
      return peer.connectionState;
    },
    async pictures(count) {
      const goal = received + count;
      while (received < goal) await change.promise;
    },
    [Symbol.asyncDispose]: () => peer.close(),
  };
}
