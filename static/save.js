import { exactFrameUrl } from "./api.js";

/** Lets the browser save what lies at an address. */
export function saveAs(url, name) {
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
}

/** Saves a decoded frame as a PNG, every pixel as it was made: what is on screen went through a lossy encoder. */
export function saveFrame(id, frame) {
  saveAs(exactFrameUrl(id, frame), `framecast-${id}-frame-${frame}.png`);
}
