/**
 * A sender with the product's own packets and viewers, and nothing else: no encoder, no session.
 * @module
 */
import { packetize } from "../../src/stream/packetizer.ts";
import { answerOffer, type Viewer } from "../../src/stream/viewer.ts";
import { serveStream, unitOf } from "./stream.ts";

const network = { hostAddresses: ["127.0.0.1"] };
const viewers = new Set<Viewer>();

serveStream({
  async answer(offerSdp) {
    const viewer = await answerOffer(offerSdp, { codecs: ["vp8"], network });
    void (async () => {
      for await (const event of viewer.events) if (event === "connected") viewers.add(viewer);
      viewers.delete(viewer);
    })();
    return viewer.answerSdp;
  },
  send(frame) {
    const { unit, rtpTimestamp } = unitOf(frame);
    const packets = packetize("vp8", unit, rtpTimestamp);
    for (const viewer of viewers) viewer.send(packets);
  },
});
