"""A WHEP client of GStreamer's webrtcbin: plays N frames, tells about each, then leaves.

usage: whep_gstreamer_client.py URL FRAMES CODEC
"""
import sys
import threading
import time

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstSdp", "1.0")
gi.require_version("GstWebRTC", "1.0")
from gi.repository import GLib, Gst, GstSdp, GstWebRTC  # noqa: E402
import numpy  # noqa: E402
from whep_client import cells_of, request, tell  # noqa: E402

offered = {
    "vp8": "encoding-name=VP8",
    "h264": "encoding-name=H264,packetization-mode=(string)1,profile-level-id=(string)42e01f",
}
decoders = {"vp8": "rtpvp8depay ! vp8dec", "h264": "rtph264depay ! h264parse ! avdec_h264"}


class Player:
    def __init__(self, url, frames, codec):
        self.url, self.frames, self.codec = url, frames, codec
        self.times = {}  # RTP timestamp by presentation time
        self.shown = 0
        self.loop = GLib.MainLoop()
        self.pipeline = Gst.Pipeline()
        self.peer = Gst.ElementFactory.make("webrtcbin")
        self.peer.set_property("bundle-policy", GstWebRTC.WebRTCBundlePolicy.MAX_BUNDLE)
        # libnice leaves loopback out by itself; with it the test does not depend on the computer's interfaces.
        self.agent = self.peer.get_property("ice-agent")  # to be kept: webrtcbin does not hold it by itself
        self.agent.emit("add-local-ip-address", "127.0.0.1")
        self.peer.connect("on-negotiation-needed", self.negotiate)
        self.peer.connect("pad-added", self.play)
        self.pipeline.add(self.peer)

    def run(self):
        caps = Gst.Caps.from_string(
            f"application/x-rtp,media=video,payload=96,clock-rate=90000,{offered[self.codec]}"
        )
        self.peer.emit("add-transceiver", GstWebRTC.WebRTCRTPTransceiverDirection.RECVONLY, caps)
        self.pipeline.set_state(Gst.State.PLAYING)
        self.loop.run()
        self.pipeline.set_state(Gst.State.NULL)
        status, _, _ = request(self.viewer, "DELETE")
        tell(deleteStatus=status)

    def negotiate(self, _peer):
        self.created = Gst.Promise.new_with_change_func(lambda _promise: self.send_offer())
        self.peer.emit("create-offer", None, self.created)

    def send_offer(self):
        # The reply owns the SDP and dies with it: it has to be kept as long as the offer is used.
        self.offered = self.created.get_reply()
        offer = self.offered.get_value("offer")
        self.peer.emit("set-local-description", offer, Gst.Promise.new())
        # Not in this thread: it is webrtcbin's own.
        threading.Thread(target=self.exchange, args=[offer.sdp.as_text().encode()], daemon=True).start()

    def exchange(self, offer):
        self.started = time.monotonic()
        self.status, self.viewer, answer = request(self.url, "POST", offer)
        _, sdp = GstSdp.SDPMessage.new_from_text(answer.decode())
        self.answer = GstWebRTC.WebRTCSessionDescription.new(GstWebRTC.WebRTCSDPType.ANSWER, sdp)
        self.peer.emit("set-remote-description", self.answer, Gst.Promise.new())

    def play(self, _peer, pad):
        description = f"{decoders[self.codec]} ! videoconvert ! video/x-raw,format=GRAY8 ! appsink name=screen sync=false"
        screen = Gst.parse_bin_from_description(description, True)
        pad.add_probe(Gst.PadProbeType.BUFFER, self.note_time)
        sink = screen.get_by_name("screen")
        sink.set_property("emit-signals", True)
        sink.connect("new-sample", self.show)
        self.pipeline.add(screen)
        pad.link(screen.get_static_pad("sink"))
        screen.sync_state_with_parent()

    def note_time(self, _pad, info):
        packet = info.get_buffer()
        self.times[packet.pts] = int.from_bytes(packet.extract_dup(4, 4), "big")  # RFC 3550, 5.1
        return Gst.PadProbeReturn.OK

    def show(self, sink):
        sample = sink.emit("pull-sample")
        if self.shown == self.frames:
            return Gst.FlowReturn.EOS
        if self.shown == 0:
            tell(status=self.status, firstFrameSeconds=time.monotonic() - self.started)
        self.shown += 1
        caps = sample.get_caps().get_structure(0)
        width, height = caps.get_value("width"), caps.get_value("height")
        buffer = sample.get_buffer()
        rows = numpy.frombuffer(buffer.extract_dup(0, buffer.get_size()), numpy.uint8).reshape(height, -1)
        tell(rtpTimestamp=self.times.get(buffer.pts), cells=cells_of(rows[:, :width]))
        if self.shown == self.frames:
            self.loop.quit()
        return Gst.FlowReturn.OK


Gst.init(None)
Player(sys.argv[1], int(sys.argv[2]), sys.argv[3]).run()
