import { element, setText } from "./element.js";
import { examplesHint } from "./form_words.js";
import { listenForFiles } from "./picture_files.js";
import { cropFor } from "./plan.js";

const mostBytes = 20_000_000; // the server's limit
const loadWords = () => import("./picture_words.js");
const byId = (id) => document.getElementById(id);

/** The start picture: dropped anywhere on the page, pasted, chosen, taken with the camera or picked from the examples. */
export class StartPicture {
  /** `{ blob, name, example, widthPx, heightPx, url }`, or null. */
  picture = null;
  #handlers;
  /** What stands in for a picture, by the API's word; null where one is wanted. */
  #plain = null;
  #factsOf = null;
  #cropBox = null;
  #size = null;
  /** 0 to 1: the share of what is cut off that lies before the part that is kept. */
  #offset = 0.5;

  /**
   * @param handlers `onChange()` after every change of the picture · `onPrompt(prompt)` when an example brings its words ·
   *   `onPlain(start)` when words alone are to do, with what to begin with; null when a picture is wanted again
   */
  constructor(handlers) {
    this.#handlers = handlers;
    listenForFiles((file, about) => this.take(file, about));
    byId("camera").addEventListener("click", () => this.#openCamera());
    byId("no-picture").addEventListener("click", () => handlers.onPlain("black"));
  }

  /** Takes a file of any kind; what is no picture is refused in words. */
  async take(blob, { name = "Picture", example = null } = {}) {
    refuse("");
    // Before there is a picture, since any change of the form shows it.
    const [{ pictureFacts, refusals }, { CropBox }] = await Promise.all([loadWords(), import("./crop_box.js")]);
    this.#factsOf = pictureFacts;
    if (blob.size > mostBytes) return refuse(refusals.tooLarge);
    const size = await sizeOf(blob);
    if (!size) return refuse(refusals.notPicture);
    this.#cropBox ??= new CropBox(byId("crop"), (offset) => this.#offset = offset);
    if (this.picture) URL.revokeObjectURL(this.picture.url);
    this.picture = { blob, name, example, ...size, url: URL.createObjectURL(blob) };
    this.#offset = 0.5;
    this.#handlers.onChange();
    this.#show();
  }

  /** Shows that words alone are to do, beginning with `start`; null: that a picture is wanted. */
  async setPlain(start) {
    if (start === this.#plain) return;
    this.#plain = start;
    if (start !== null) {
      this.picture = null;
      const { showPlainStart } = await import("./plain_start.js");
      showPlainStart(byId("plain"), this.#plain ?? "black", (next) => this.#handlers.onPlain(next));
    }
    this.#show();
  }

  /** The size the video will have; the crop follows. */
  setSize(size) {
    this.#size = size;
    this.#show();
  }

  /** The model's examples, as cards on the stage and as a row in the form. */
  setExamples(examples) {
    const pick = (example) => this.#pick(example);
    byId("examples").replaceChildren(...examples.map((example) => exampleItem(example, "card", pick)));
    byId("example-row").replaceChildren(...examples.map((example) => exampleItem(example, "row", pick)));
    byId("example-row").hidden = byId("examples").hidden = byId("examples-hint").hidden = examples.length === 0;
    if (examples.length > 0) setText(byId("examples-hint"), examplesHint(examples.length));
    this.#show();
  }

  /** What is sent: the picture as it was given, or cut where the frame was moved to. */
  async upload() {
    if (this.picture === null) return {};
    const { blob, name } = this.picture;
    const crop = cropFor(this.picture, this.#size);
    if (crop.axis === "none" || Math.abs(this.#offset - 0.5) < 0.005) return { image: blob, name };
    const { cutPicture } = await import("./crop_box.js");
    return { image: await cutPicture(this.picture, crop, this.#offset), name: `${name.replace(/\.\w+$/, "")}.png` };
  }

  async #pick({ image, prompt }) {
    const response = await fetch(image);
    if (!response.ok) return refuse((await loadWords()).refusals.notPicture);
    await this.take(await response.blob(), { name: "Example", example: image });
    this.#handlers.onPrompt(prompt);
  }

  async #openCamera() {
    refuse("");
    const { openCamera } = await import("./camera.js");
    const isOpen = await openCamera((blob) => this.take(blob, { name: "Camera" }));
    if (!isOpen) refuse((await loadWords()).refusals.camera);
  }

  #show() {
    const { picture } = this;
    byId("drop-area").hidden = picture !== null || this.#plain !== null;
    byId("plain").hidden = this.#plain === null;
    byId("chosen").hidden = byId("replace").hidden = picture === null;
    for (const button of document.querySelectorAll("[data-example]")) {
      button.setAttribute("aria-pressed", String(button.dataset.example === picture?.example));
    }
    if (!picture || !this.#size) return;
    const crop = cropFor(picture, this.#size);
    this.#cropBox.show(picture, crop, this.#offset);
    const facts = this.#factsOf(picture, this.#size, crop);
    setText(byId("chosen-name"), picture.name);
    for (const name of ["size", "becomes", "cut", "soft"]) setText(byId(`chosen-${name}`), facts[name]);
    byId("chosen-soft").hidden = facts.soft === "";
  }
}

/** A sentence under the picture; an empty one takes it away. */
function refuse(sentence) {
  const line = byId("refusal-image");
  line.hidden = sentence === "";
  setText(line, sentence);
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

function exampleItem(example, kind, pick) {
  const words = example.prompt;
  return element(
    "li",
    {},
    element(
      "button",
      { type: "button", "data-example": example.image, "aria-pressed": "false", onclick: () => pick(example) },
      element("img", { src: example.image, alt: kind === "card" ? "" : words, width: 96, height: 96 }),
      kind === "card" ? words : null,
    ),
  );
}
