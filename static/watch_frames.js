/** Calls back with every picture that is shown; where a browser cannot tell, with the time about four times a second. */
export function watchFrames(video, onPicture) {
  if (!("requestVideoFrameCallback" in video)) {
    video.addEventListener("timeupdate", () => onPicture({ mediaTime: video.currentTime }));
    return;
  }
  const next = (_now, metadata) => {
    onPicture(metadata);
    video.requestVideoFrameCallback(next);
  };
  video.requestVideoFrameCallback(next);
}
