import { element } from "./element.js";

/**
 * Shows the camera in the place of the drop area, with two buttons.
 * @param onPicture `(blob)` a PNG, when one was taken
 * @returns false when the browser did not allow the camera
 */
export async function openCamera(onPicture) {
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 1920 } } });
  } catch {
    return false; // refused, no camera, or a page without HTTPS, which may not ask
  }
  const dropArea = document.getElementById("drop-area");
  const video = element("video", { playsinline: true, "aria-label": "Camera" });
  video.muted = true;
  video.srcObject = stream;
  const close = () => {
    for (const track of stream.getTracks()) track.stop();
    box.remove();
    dropArea.hidden = false;
  };
  const take = element("button", {
    class: "button small ink",
    type: "button",
    text: "Take picture",
    async onclick() {
      const picture = await pictureOf(video);
      close();
      onPicture(picture);
    },
  });
  const cancel = element("button", { class: "button small", type: "button", text: "Cancel", onclick: close });
  const box = element(
    "div",
    { class: "camera-box crop-marks" },
    video,
    element("p", { class: "drop-buttons" }, take, cancel),
  );
  dropArea.hidden = true;
  dropArea.after(box);
  await video.play();
  take.focus();
  return true;
}

async function pictureOf(video) {
  const canvas = new OffscreenCanvas(video.videoWidth, video.videoHeight);
  canvas.getContext("2d").drawImage(video, 0, 0);
  return await canvas.convertToBlob({ type: "image/png" });
}
