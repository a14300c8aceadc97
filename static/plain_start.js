import { element, setText } from "./element.js";
import { plainHint, plainStarts } from "./picture_words.js";
import { addStyleSheets } from "./style_sheets.js";

/**
 * Shows what a video from words alone begins with, and lets it be another, or a picture after all.
 * @param root an empty element, filled at the first call
 * @param onChoice `(start)`; null for a picture
 */
export function showPlainStart(root, start, onChoice) {
  if (root.children.length === 0) fill(root, onChoice);
  root.querySelector("select").value = start;
  root.querySelector(".plain-swatch").dataset.start = start;
}

function fill(root, onChoice) {
  addStyleSheets("plain_start.css");
  const options = Object.entries(plainStarts).map(([value, text]) => element("option", { value, text }));
  const select = element(
    "select",
    { id: "plain-start", name: "start", onchange: ({ target }) => onChoice(target.value) },
    ...options,
  );
  const back = element("button", { class: "plain-button", type: "button", text: "Use a picture" });
  back.addEventListener("click", () => onChoice(null));
  const hint = element("p", { class: "hint" });
  setText(hint, plainHint);
  const refusal = element("p", { class: "refusal", id: "refusal-start", hidden: true });
  const facts = element(
    "div",
    { class: "chosen-facts" },
    element("label", { for: "plain-start", text: "Begins with" }),
    select,
    hint,
    back,
    refusal,
  );
  root.append(element("div", { class: "plain-swatch", "aria-hidden": "true" }), facts);
}
