import { element, setText } from "./element.js";
import { examplesHint, pictureFacts, refusals } from "./form_words.js";
import { cropFor } from "./plan.js";

const mostBytes = 20_000_000; // the server's limit
const byId = (id) => document.getElementById(id);

/**
 * The start picture: dropped anywhere on the page, pasted, chosen, taken with the camera or picked from the examples.
 *
 * @param onChange after every change of the picture or of its crop
 * @param onPrompt `(prompt)` when an example brings its words
 */
export function createStartPicture({ onChange, onPrompt }) {
  let cropBox = null;
  const state = { picture: null, size: null, offset: 0.5 };

  function show() {
    const { picture, size } = state;
    byId("drop-area").hidden = picture !== null;
    byId("chosen").hidden = byId("replace").hidden = picture === null;
    for (const button of document.querySelectorAll("[data-example]")) {
      button.setAttribute("aria-pressed", String(button.dataset.example === picture?.example));
    }
    if (!picture || !size) return;
    const crop = cropFor(picture, size);
    const facts = pictureFacts(picture, size, crop);
    cropBox.show(picture, crop, state.offset);
    setText(byId("chosen-name"), picture.name);
    setText(byId("chosen-size"), facts.size);
    setText(byId("chosen-becomes"), facts.becomes);
    setText(byId("chosen-cut"), facts.cut);
    setText(byId("chosen-soft"), facts.soft);
    byId("chosen-soft").hidden = facts.soft === "";
  }

  function refuse(sentence) {
    const line = byId("refusal-image");
    line.hidden = sentence === "";
    setText(line, sentence);
  }

  /** Takes a file of any kind; what is no picture is refused in words. */
  async function take(blob, { name = "Picture", example = null } = {}) {
    refuse("");
    if (blob.size > mostBytes) return refuse(refusals.tooLarge);
    let bitmap;
    try {
      bitmap = await createImageBitmap(blob);
    } catch {
      return refuse(refusals.notPicture);
    }
    if (state.picture) URL.revokeObjectURL(state.picture.url);
    const { width: widthPx, height: heightPx } = bitmap;
    bitmap.close();
    state.picture = { blob, name, example, widthPx, heightPx, url: URL.createObjectURL(blob) };
    state.offset = 0.5;
    const { createCropBox } = await import("./crop_box.js");
    cropBox ??= createCropBox(byId("crop"), (offset) => state.offset = offset);
    onChange();
    show();
  }

  listenForFiles(take);
  byId("camera").addEventListener("click", async () => {
    refuse("");
    const { openCamera } = await import("./camera.js");
    const isOpen = await openCamera((blob) => take(blob, { name: "Camera" }));
    if (!isOpen) refuse(refusals.camera);
  });

  return {
    take,
    refuse,
    get picture() {
      return state.picture;
    },
    /** The size the video will have; the crop follows. */
    setSize(size) {
      state.size = size;
      show();
    },
    /** The model's examples, as cards on the stage and as a row in the form. */
    setExamples(examples) {
      byId("examples").replaceChildren(...examples.map((example) => exampleItem(example, "card", pick)));
      byId("example-row").replaceChildren(...examples.map((example) => exampleItem(example, "row", pick)));
      byId("example-row").hidden = byId("examples").hidden = byId("examples-hint").hidden = examples.length === 0;
      if (examples.length > 0) setText(byId("examples-hint"), examplesHint(examples.length));
      show();
    },
    /** What is sent: the picture as it was given, or cut where the frame was moved to. */
    async upload() {
      const { picture, size, offset } = state;
      const crop = cropFor(picture, size);
      if (crop.axis === "none" || Math.abs(offset - 0.5) < 0.005) return { image: picture.blob, name: picture.name };
      const { cutPicture } = await import("./crop_box.js");
      return { image: await cutPicture(picture, crop, offset), name: `${picture.name.replace(/\.\w+$/, "")}.png` };
    },
  };

  async function pick({ image, prompt }) {
    const response = await fetch(image);
    if (!response.ok) return refuse(refusals.notPicture);
    await take(await response.blob(), { name: "Example", example: image });
    onPrompt(prompt);
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

/** Dropping works on the whole page, pasting everywhere but in text fields (where only a picture is taken). */
function listenForFiles(take) {
  const fileInput = byId("file");
  const choose = () => fileInput.click();
  byId("choose-file").addEventListener("click", choose);
  byId("replace").addEventListener("click", choose);
  fileInput.addEventListener("change", () => {
    if (fileInput.files.length > 0) take(fileInput.files[0], { name: fileInput.files[0].name });
    fileInput.value = "";
  });

  let depth = 0;
  const showDropping = () => {
    document.body.classList.toggle("dropping", depth > 0);
    byId("drop-hint").hidden = depth === 0;
  };
  const hasFiles = (event) => [...event.dataTransfer.types].includes("Files");
  addEventListener("dragenter", (event) => {
    if (hasFiles(event)) depth++;
    showDropping();
  });
  addEventListener("dragleave", (event) => {
    if (hasFiles(event)) depth = Math.max(0, depth - 1);
    showDropping();
  });
  addEventListener("dragover", (event) => hasFiles(event) && event.preventDefault());
  addEventListener("drop", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    depth = 0;
    showDropping();
    const [file] = event.dataTransfer.files;
    if (file) take(file, { name: file.name });
  });
  addEventListener("paste", (event) => {
    const file = [...event.clipboardData.files].find(({ type }) => type.startsWith("image/"));
    if (!file || event.clipboardData.types.includes("text/plain")) return;
    event.preventDefault();
    take(file, { name: "Pasted picture" });
  });
}
