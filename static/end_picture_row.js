import { element, setText } from "./element.js";
import { numberField, put, removeButton, settingRows } from "./setting_row.js";
import { endPictureHint } from "./setting_words.js";

/**
 * The row of the picture that a video is led to: a file, and how much it counts.
 *
 * @param change `(name, value)`; undefined sets a value back. `endImage` is `{ blob, name }`
 * @returns a row with `show(endPicture, strength)`
 */
export function createEndPictureRow(change) {
  const file = element("input", {
    class: "visually-hidden",
    type: "file",
    accept: "image/png,image/jpeg,image/webp,image/avif",
    tabindex: -1,
    "aria-label": "End picture file",
    onchange({ target }) {
      const [blob] = target.files;
      if (blob) change("endImage", { blob, name: blob.name });
      target.value = "";
    },
  });
  const choose = element("button", { class: "button small", type: "button", onclick: () => file.click() });
  const name = element("span", { class: "one-line" });
  const strength = numberField(
    { min: 0.05, max: 1, step: 0.05, "aria-label": "Strength of the end picture" },
    (value) => change("endStrength", value),
  );
  const remove = removeButton("Remove the end picture", () => change("endImage", undefined));
  const chosen = element("ul", { class: "entries" }, element("li", {}, name, strength, remove));
  const row = settingRows(change).row("endImage", "End picture", choose, file, chosen);
  setText(row.hint, endPictureHint);
  return {
    ...row,
    show(endPicture, value) {
      setText(choose, endPicture ? "Replace" : "Choose file");
      chosen.hidden = endPicture === null;
      setText(name, endPicture?.name ?? "");
      put(strength, value);
    },
  };
}
