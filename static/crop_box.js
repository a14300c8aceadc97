import { element } from "./element.js";

/** The whole picture fits into this. */
const mostPx = { width: 144, height: 96 };
/** One press of an arrow key, as a share of the way. */
const keyStep = 0.05;

/**
 * The start picture with the part that becomes the video inside the crop marks and the rest dimmed. Where something is cut
 * off the frame can be moved along that axis, by pointer or arrow keys.
 *
 * @param root an empty element
 * @param onMove `(offset)`, 0 to 1, the share of what is cut off that lies before the frame
 */
export function createCropBox(root, onMove) {
  const dimmed = element("img", { class: "crop-dimmed", alt: "" });
  const kept = element("img", { alt: "Start picture" });
  const frame = element("div", { class: "crop-frame crop-marks" }, element("div", { class: "crop-window" }, kept));
  root.append(dimmed, frame);
  let shown = null;

  function lay() {
    const { picture, crop, offset } = shown;
    const scale = Math.min(mostPx.width / picture.widthPx, mostPx.height / picture.heightPx);
    const width = picture.widthPx * scale;
    const height = picture.heightPx * scale;
    const left = (width - crop.widthPx * scale) * offset;
    const top = (height - crop.heightPx * scale) * offset;
    Object.assign(root.style, { width: `${width}px`, height: `${height}px` });
    Object.assign(frame.style, {
      left: `${left}px`,
      top: `${top}px`,
      width: `${crop.widthPx * scale}px`,
      height: `${crop.heightPx * scale}px`,
    });
    Object.assign(kept.style, { width: `${width}px`, height: `${height}px`, left: `${-left}px`, top: `${-top}px` });
  }

  function move(offset) {
    shown.offset = Math.min(1, Math.max(0, offset));
    frame.setAttribute("aria-valuenow", Math.round(100 * shown.offset));
    lay();
    onMove(shown.offset);
  }

  let drag = null;
  frame.addEventListener("pointerdown", (event) => {
    if (shown.crop.axis === "none") return;
    drag = { x: event.clientX, y: event.clientY, offset: shown.offset };
    frame.setPointerCapture(event.pointerId);
  });
  frame.addEventListener("pointermove", (event) => {
    if (!drag) return;
    const isAcross = shown.crop.axis === "horizontal";
    const wayPx = isAcross ? root.clientWidth - frame.clientWidth : root.clientHeight - frame.clientHeight;
    const movedPx = isAcross ? event.clientX - drag.x : event.clientY - drag.y;
    move(drag.offset + movedPx / Math.max(1, wayPx));
  });
  frame.addEventListener("pointerup", () => drag = null);
  frame.addEventListener("keydown", (event) => {
    const way = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key];
    if (!way || shown.crop.axis === "none") return;
    event.preventDefault();
    event.stopPropagation();
    move(shown.offset + way * keyStep);
  });

  return {
    /** `picture` `{ url, widthPx, heightPx }`, `crop` from `cropFor()`, `offset` 0 to 1. */
    show(picture, crop, offset) {
      shown = { picture, crop, offset };
      for (const image of [dimmed, kept]) if (image.getAttribute("src") !== picture.url) image.src = picture.url;
      const canMove = crop.axis !== "none";
      const slider = {
        role: "slider",
        tabindex: 0,
        "aria-label": "Part of the picture that is used",
        "aria-valuemin": 0,
        "aria-valuemax": 100,
        "aria-valuenow": Math.round(100 * offset),
        "aria-orientation": crop.axis,
      };
      for (const [name, value] of Object.entries(slider)) {
        if (canMove) frame.setAttribute(name, value);
        else frame.removeAttribute(name);
      }
      frame.dataset.axis = crop.axis;
      lay();
    },
  };
}

/**
 * Cuts a picture where the frame was moved to: the server cuts in the middle, so what it gets must need no cut. Nothing is
 * scaled down unless the part is far larger than any video.
 * @returns a PNG
 */
export async function cutPicture(picture, crop, offset) {
  const mostSidePx = 2048;
  const bitmap = await createImageBitmap(picture.blob);
  const scale = Math.min(1, mostSidePx / Math.max(crop.widthPx, crop.heightPx));
  const canvas = new OffscreenCanvas(Math.round(crop.widthPx * scale), Math.round(crop.heightPx * scale));
  const left = (picture.widthPx - crop.widthPx) * offset;
  const top = (picture.heightPx - crop.heightPx) * offset;
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, left, top, crop.widthPx, crop.heightPx, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  return canvas.convertToBlob({ type: "image/png" });
}
