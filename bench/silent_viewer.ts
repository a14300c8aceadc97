/**
 * A viewer that costs this machine as little as one on another machine would: it takes the packets and looks at none.
 *
 *     deno run … bench/silent_viewer.ts WHEP_URL
 *
 * Prints "watching" with the first packet, and stays until it is ended.
 * @module
 */
import { RTCPeerConnection, useVP8 } from "werift";

const [url] = Deno.args;
const peer = new RTCPeerConnection({ codecs: { video: [useVP8()] } });
peer.addTransceiver("video", { direction: "recvonly" });
peer.onTrack.subscribe((track) => {
  track.onReceiveRtp.once(() => Deno.stdout.writeSync(new TextEncoder().encode("watching\n")));
});
await peer.setLocalDescription(await peer.createOffer());
const headers = { "content-type": "application/sdp" };
const response = await fetch(url!, { method: "POST", headers, body: peer.localDescription!.sdp });
if (!response.ok) throw new Error(await response.text());
await peer.setRemoteDescription({ type: "answer", sdp: await response.text() });
