/** GStreamer's webrtcbin plays the live picture. */
import assert from "node:assert/strict";
import { assertExact, startLiveServer } from "./live_server.ts";
import { canImport, watchWith } from "./whep_program.ts";

const hasWebrtcbin = await canImport(`
import gi, numpy
gi.require_version("Gst", "1.0"); gi.require_version("GstWebRTC", "1.0"); gi.require_version("GstSdp", "1.0")
from gi.repository import Gst, GstWebRTC, GstSdp
Gst.init(None)
assert all(map(Gst.ElementFactory.find, ["webrtcbin", "nicesrc", "vp8dec", "avdec_h264", "rtpvp8depay"]))
`);

for (const codec of ["vp8", "h264"] as const) {
  Deno.test({
    name: `GStreamer plays the live picture and gets every frame, ${codec}`,
    ignore: !hasWebrtcbin,
    async fn() {
      await using live = await startLiveServer();
      const session = await live.sessionWith(2);
      const watched = await watchWith(
        "whep_gstreamer_client.py",
        `${live.url}${session.links.whep}?view=arrival`,
        "120",
        codec,
      );
      assert.deepEqual([watched.postStatus, watched.deleteStatus], [201, 200]);
      assertExact(watched.pictures, session.segments, ["arrival"]);
    },
  });
}
