import { element } from "./element.js";

/** The whole picture fits into this. */
const mostPx = { width: 144, height: 96 };
/** One press of an arrow key, as a share of the way. */
const keyStep = 0.05;

/**
 * The start picture with the part that becomes the video inside the crop marks and the rest dimmed. Where something is cut
 * off the frame can be moved along that axis, by pointer or arrow keys.
 */
export class CropBox {
  #root;
  #onMove;
  #dimmed = element("img", { class: "crop-dimmed", alt: "" });
  #kept = element("img", { alt: "Start picture" });
  #frame = element("div", { class: "crop-frame crop-marks" }, element("div", { class: "crop-window" }, this.#kept));
  #shown = null;

  /**
   * @param root an empty element
   * @param onMove `(offset)`, 0 to 1, the share of what is cut off that lies before the frame
   */
  constructor(root, onMove) {
    this.#root = root;
    this.#onMove = onMove;
    root.append(this.#dimmed, this.#frame);
    this.#frame.addEventListener("pointerdown", (event) => this.#drag(event));
    this.#frame.addEventListener("keydown", (event) => {
      const way = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key];
      if (!way || this.#shown.crop.axis === "none") return;
      event.preventDefault();
      event.stopPropagation();
      this.#move(this.#shown.offset + way * keyStep);
    });
  }

  /** `picture` `{ url, widthPx, heightPx }`, `crop` from `cropFor()`, `offset` 0 to 1. */
  show(picture, crop, offset) {
    this.#shown = { picture, crop, offset };
    for (const image of [this.#dimmed, this.#kept]) {
      if (image.getAttribute("src") !== picture.url) image.src = picture.url;
    }
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
      if (crop.axis === "none") this.#frame.removeAttribute(name);
      else this.#frame.setAttribute(name, value);
    }
    this.#frame.dataset.axis = crop.axis;
    this.#lay();
  }

  /** From a press to its end the frame follows the pointer. */
  #drag(press) {
    const { crop, offset } = this.#shown;
    if (crop.axis === "none") return;
    const isAcross = crop.axis === "horizontal";
    const wayPx = isAcross
      ? this.#root.clientWidth - this.#frame.clientWidth
      : this.#root.clientHeight - this.#frame.clientHeight;
    this.#frame.setPointerCapture(press.pointerId);
    const end = new AbortController();
    const follow = (event) => {
      const movedPx = isAcross ? event.clientX - press.clientX : event.clientY - press.clientY;
      this.#move(offset + movedPx / Math.max(1, wayPx));
    };
    this.#frame.addEventListener("pointermove", follow, { signal: end.signal });
    this.#frame.addEventListener("lostpointercapture", () => end.abort(), { once: true });
  }

  #move(offset) {
    this.#shown.offset = Math.min(1, Math.max(0, offset));
    this.#frame.setAttribute("aria-valuenow", Math.round(100 * this.#shown.offset));
    this.#lay();
    this.#onMove(this.#shown.offset);
  }

  #lay() {
    const { picture, crop, offset } = this.#shown;
    const scale = Math.min(mostPx.width / picture.widthPx, mostPx.height / picture.heightPx);
    const width = picture.widthPx * scale;
    const height = picture.heightPx * scale;
    const left = (width - crop.widthPx * scale) * offset;
    const top = (height - crop.heightPx * scale) * offset;
    place(this.#root, { width, height });
    place(this.#frame, { left, top, width: crop.widthPx * scale, height: crop.heightPx * scale });
    place(this.#kept, { left: -left, top: -top, width, height });
  }
}

/** Sets lengths in CSS pixels. */
function place(node, lengths) {
  for (const [name, px] of Object.entries(lengths)) node.style[name] = `${px}px`;
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
