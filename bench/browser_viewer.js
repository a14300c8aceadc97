// Runs in the page: a WHEP viewer without anything around it.

/** Pictures that came on screen. */
globalThis.shown = [];

globalThis.join = async (path) => {
  const video = document.createElement("video");
  video.muted = video.autoplay = true;
  document.body.replaceChildren(video);
  const peer = new RTCPeerConnection();
  peer.addTransceiver("video", { direction: "recvonly" });
  const decoded = Promise.withResolvers();
  peer.ontrack = ({ track }) => {
    video.srcObject = new MediaStream([track]);
    void firstOf(track, video).then(decoded.resolve);
    keep(video);
  };
  await peer.setLocalDescription(await peer.createOffer());
  const startedMs = performance.now();
  const headers = { "content-type": "application/sdp" };
  const response = await fetch(path, { method: "POST", headers, body: peer.localDescription.sdp });
  if (!response.ok) throw new Error(await response.text());
  const answeredMs = performance.now() - startedMs;
  await peer.setRemoteDescription({ type: "answer", sdp: await response.text() });
  globalThis.received = () => receivedBy(peer);
  globalThis.leave = async () => {
    peer.close();
    await fetch(response.headers.get("location"), { method: "DELETE" });
  };
  return { answeredMs, decodedMs: (await decoded.promise) - startedMs };
};

/** When the first picture has been decoded; where that cannot be seen, when it came on screen. */
async function firstOf(track, video) {
  if (!("MediaStreamTrackProcessor" in globalThis)) {
    return await new Promise((resolve) => video.requestVideoFrameCallback(resolve));
  }
  const copy = track.clone();
  const reader = new MediaStreamTrackProcessor({ track: copy }).readable.getReader();
  const { value } = await reader.read();
  const atMs = performance.now();
  value.close();
  copy.stop();
  return atMs;
}

async function receivedBy(peer) {
  for (const report of (await peer.getStats()).values()) {
    if (report.type === "inbound-rtp" && report.kind === "video") return report;
  }
}

function keep(video) {
  video.requestVideoFrameCallback((_now, { rtpTimestamp, expectedDisplayTime }) => {
    globalThis.shown.push({ rtpTimestamp, atMs: performance.timeOrigin + expectedDisplayTime });
    keep(video);
  });
}
