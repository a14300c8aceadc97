/**
 * A viewer that costs this machine as little as one on another machine would: it takes the packets and looks at none.
 *
 *     deno run … bench/silent_viewer.ts
 *
 * Prints "ready", joins at the WHEP address that it is given as a line of input, prints "watching" with the first packet,
 * and stays until it is ended.
 * @module
 */
import { RTCPeerConnection, useVP8 } from "werift";
import { linesOf } from "./lines.ts";

const print = (line: string) => Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));

const peer = new RTCPeerConnection({ codecs: { video: [useVP8()] } });
peer.addTransceiver("video", { direction: "recvonly" });
peer.onTrack.subscribe((track) => {
  track.onReceiveRtp.once(() => print("watching"));
});
await peer.setLocalDescription(await peer.createOffer());
const headers = { "content-type": "application/sdp" };
print("ready");
for await (const url of linesOf(Deno.stdin.readable)) {
  const response = await fetch(url, { method: "POST", headers, body: peer.localDescription!.sdp });
  if (!response.ok) throw new Error(await response.text());
  await peer.setRemoteDescription({ type: "answer", sdp: await response.text() });
}
