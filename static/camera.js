/**
 * The camera in the place of the start picture.
 * @param video the `<video>` it shows in
 * @returns `{ take(), stop() }`; `take()` gives a PNG and stops
 * @throws what `getUserMedia` throws when the camera is refused, or a TypeError where the page may not ask for one
 */
export async function openCamera(video) {
  const stream = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 1920 } } });
  video.srcObject = stream;
  await video.play();
  const stop = () => {
    for (const track of stream.getTracks()) track.stop();
    video.srcObject = null;
  };
  return {
    stop,
    async take() {
      const canvas = new OffscreenCanvas(video.videoWidth, video.videoHeight);
      canvas.getContext("2d").drawImage(video, 0, 0);
      stop();
      return await canvas.convertToBlob({ type: "image/png" });
    },
  };
}
