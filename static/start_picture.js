import { element, setText } from "./element.js";
import { examplesHint } from "./form_words.js";
import { listenForFiles } from "./picture_files.js";

const loadRefusals = async () => (await import("./picture_words.js")).refusals;
const byId = (id) => document.getElementById(id);

/** The start picture: dropped anywhere on the page, pasted, chosen, taken with the camera or picked from the examples. */
export class StartPicture {
  #handlers;
  #chosen = null;
  /** What stands in for a picture, by the API's word; null where one is wanted. */
  #plain = null;
  #size = null;

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

  /** The one that was chosen: `{ blob, name, example, widthPx, heightPx, url }`, or null. */
  get picture() {
    return this.#chosen?.picture ?? null;
  }

  /** Takes a file of any kind; what is no picture is refused in words. */
  async take(blob, about) {
    refuse("");
    // Before there is a picture, since any change of the form shows it.
    const { ChosenPicture } = await import("./chosen_picture.js");
    this.#chosen ??= new ChosenPicture();
    const refusal = await this.#chosen.take(blob, about);
    if (refusal) return refuse(refusal);
    this.#handlers.onChange();
    this.#show();
  }

  /** Shows that words alone are to do, beginning with `start`; null: that a picture is wanted. */
  async setPlain(start) {
    if (start === this.#plain) return;
    this.#plain = start;
    if (start !== null) {
      this.#chosen?.drop();
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

  /** What is sent: the picture as it was given, or cut where the frame was moved to; nothing where there is none. */
  async upload() {
    return this.picture === null ? {} : await this.#chosen.upload(this.#size);
  }

  async #pick({ image, prompt }) {
    const response = await fetch(image);
    if (!response.ok) return refuse((await loadRefusals()).notPicture);
    await this.take(await response.blob(), { name: "Example", example: image });
    this.#handlers.onPrompt(prompt);
  }

  async #openCamera() {
    refuse("");
    const { openCamera } = await import("./camera.js");
    const isOpen = await openCamera((blob) => this.take(blob, { name: "Camera" }));
    if (!isOpen) refuse((await loadRefusals()).camera);
  }

  #show() {
    const { picture } = this;
    byId("drop-area").hidden = picture !== null || this.#plain !== null;
    byId("plain").hidden = this.#plain === null;
    byId("chosen").hidden = byId("replace").hidden = picture === null;
    for (const button of document.querySelectorAll("[data-example]")) {
      button.setAttribute("aria-pressed", String(button.dataset.example === picture?.example));
    }
    if (picture && this.#size) this.#chosen.show(this.#size);
  }
}

/** A sentence under the picture; an empty one takes it away. */
function refuse(sentence) {
  const line = byId("refusal-image");
  line.hidden = sentence === "";
  setText(line, sentence);
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
