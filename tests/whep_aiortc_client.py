"""An independent WHEP client: plays N frames with aiortc, tells about each, then leaves.

usage: whep_aiortc_client.py URL FRAMES CODEC [VIEW]     VIEW: chosen after half of the frames, on the same connection
"""
import asyncio
import json
import sys
import time

import aioice.ice
from aiortc import RTCPeerConnection, RTCRtpReceiver, RTCSessionDescription, rtcrtpreceiver
from whep_client import cells_of, request, tell

# It leaves loopback out by itself; with it alone the test does not depend on the computer's interfaces.
aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: ["127.0.0.1"]
# It counts from the first packet; here the packets' own times are wanted.
rtcrtpreceiver.TimestampMapper.map = lambda self, timestamp: timestamp


async def main(url, frames, codec, view=None):
    peer = RTCPeerConnection()
    transceiver = peer.addTransceiver("video", direction="recvonly")
    codecs = RTCRtpReceiver.getCapabilities("video").codecs
    transceiver.setCodecPreferences([c for c in codecs if c.mimeType.lower() == f"video/{codec}"])
    tracks = asyncio.Queue()
    peer.on("track", tracks.put_nowait)
    peer.createDataChannel("events").on("message", lambda message: tell(message=json.loads(message)))
    await peer.setLocalDescription(await peer.createOffer())
    started = time.monotonic()
    offer = peer.localDescription.sdp.encode()
    status, viewer, answer = await asyncio.to_thread(request, url, "POST", offer)
    await peer.setRemoteDescription(RTCSessionDescription(answer.decode(), "answer"))
    track = await tracks.get()
    for index in range(frames):
        frame = await track.recv()
        if index == 0:
            tell(status=status, firstFrameSeconds=time.monotonic() - started)
        tell(rtpTimestamp=frame.pts, cells=cells_of(frame.reformat(format="gray").to_ndarray()))
        if view and index == frames // 2:
            choice = json.dumps({"view": view}).encode()
            status, _, _ = await asyncio.to_thread(request, f"{viewer}/view", "PUT", choice, "application/json")
            tell(choiceStatus=status)
    await peer.close()
    status, _, _ = await asyncio.to_thread(request, viewer, "DELETE")
    tell(deleteStatus=status)


asyncio.run(main(sys.argv[1], int(sys.argv[2]), *sys.argv[3:]))
