import { cropFor } from "./crop.js";
import { CropBox, cutPicture } from "./crop_box.js";
import { setText } from "./element.js";
import { pictureFacts, refusals } from "./picture_words.js";

const mostBytes = 20_000_000; // the server's limit
const byId = (id) => document.getElementById(id);

/** The start picture that was chosen: what it is, which part of it becomes the video, and what is sent. */
export class ChosenPicture {
  /** `{ blob, name, example, widthPx, heightPx, url }`, or null. */
  picture = null;
  /** 0 to 1: the share of what is cut off that lies before the part that is kept. */
  #offset = 0.5;
  #cropBox = null;

  /** @returns why this file is none that can be used, or nothing */
  async take(blob, { name = "Picture", example = null } = {}) {
    if (blob.size > mostBytes) return refusals.tooLarge;
    const size = await sizeOf(blob);
    if (!size) return refusals.notPicture;
    this.drop();
    this.picture = { blob, name, example, ...size, url: URL.createObjectURL(blob) };
    this.#offset = 0.5;
  }

  /** Lets the picture go. */
  drop() {
    if (this.picture) URL.revokeObjectURL(this.picture.url);
    this.picture = null;
  }

  /** Shows the picture as it becomes a video of this size. */
  show(size) {
    const crop = cropFor(this.picture, size);
    this.#cropBox ??= new CropBox(byId("crop"), (offset) => this.#offset = offset);
    this.#cropBox.show(this.picture, crop, this.#offset);
    const facts = pictureFacts(this.picture, size, crop);
    setText(byId("chosen-name"), this.picture.name);
    for (const name of ["size", "becomes", "cut", "soft"]) setText(byId(`chosen-${name}`), facts[name]);
    byId("chosen-soft").hidden = facts.soft === "";
  }

  /** The picture as it was given, or cut where the frame was moved to. */
  async upload(size) {
    const { blob, name } = this.picture;
    const crop = cropFor(this.picture, size);
    if (crop.axis === "none" || Math.abs(this.#offset - 0.5) < 0.005) return { image: blob, name };
    return { image: await cutPicture(this.picture, crop, this.#offset), name: `${name.replace(/\.\w+$/, "")}.png` };
  }
}

/** Size of a picture, upright; undefined when the browser cannot read it. */
async function sizeOf(blob) {
  try {
    const bitmap = await createImageBitmap(blob);
    const { width: widthPx, height: heightPx } = bitmap;
    bitmap.close();
    return { widthPx, heightPx };
  } catch {
    return undefined;
  }
}
