"""An independent WHEP client: plays N frames with aiortc, prints one JSON line about each, then leaves.

usage: whep_aiortc_client.py URL FRAMES CODEC
"""
import asyncio
import json
import sys
import time
import urllib.parse
import urllib.request

import aioice.ice
from aiortc import RTCPeerConnection, RTCRtpReceiver, RTCSessionDescription

# It leaves loopback out by itself; with it alone the test does not depend on the computer's interfaces.
aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: ["127.0.0.1"]


def request(url, method, body=None):
    headers = {"content-type": "application/sdp"} if body else {}
    message = urllib.request.Request(url, data=body, method=method, headers=headers)
    with urllib.request.urlopen(message) as response:
        return response.status, response.headers.get("location"), response.read().decode()


async def main(url, frames, codec):
    peer = RTCPeerConnection()
    transceiver = peer.addTransceiver("video", direction="recvonly")
    codecs = RTCRtpReceiver.getCapabilities("video").codecs
    transceiver.setCodecPreferences([c for c in codecs if c.mimeType.lower() == f"video/{codec}"])
    tracks = asyncio.Queue()
    peer.on("track", tracks.put_nowait)
    await peer.setLocalDescription(await peer.createOffer())
    started = time.monotonic()
    loop = asyncio.get_running_loop()
    offer = peer.localDescription.sdp.encode()
    status, location, answer = await loop.run_in_executor(None, request, url, "POST", offer)
    await peer.setRemoteDescription(RTCSessionDescription(answer, "answer"))
    track = await tracks.get()
    for index in range(frames):
        frame = await track.recv()
        if index == 0:
            print(json.dumps({"status": status, "firstFrameSeconds": time.monotonic() - started}), flush=True)
        grey = frame.reformat(format="gray").to_ndarray()
        print(json.dumps({"rtpTimestamp": frame.pts, "cells": cells_of(grey)}), flush=True)
    await peer.close()
    status, _, _ = await loop.run_in_executor(None, request, urllib.parse.urljoin(url, location), "DELETE")
    print(json.dumps({"deleteStatus": status}), flush=True)


def cells_of(grey):
    """Mean of the inner half of each of the 8 x 4 cells in the lower half, row by row (tests/block_code.js)."""
    height, width = grey.shape
    cells = []
    for row in range(4):
        for column in range(8):
            top = height // 2 + row * height // 8
            left = column * width // 8
            cell = grey[top + height // 32:top + 3 * height // 32, left + width // 32:left + 3 * width // 32]
            cells.append(float(cell.mean()))
    return cells


asyncio.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
