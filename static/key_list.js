import { element } from "./element.js";
import { areSingleKeysOn, switchSingleKeys } from "./single_keys.js";
import { addStyleSheets } from "./style_sheets.js";

/** The list of keys, each `[keys, what they do]`. */
const list = [
  ["Ctrl or ⌘ Enter", "start"],
  ["Space, K", "play, pause"],
  ["← →", "one frame"],
  ["Shift ← →", "one section"],
  ["Home, End", "start, end"],
  ["[ ]", "previous, next section in making order"],
  ["1 2 3 4", "what plays"],
  ["L", "back to live"],
  ["F, S", "full screen, Sharp or Smooth"],
  ["N", "to the prompt"],
  ["Esc, ?", "close, list of keys"],
];

/** The list of keys, with the switch for single ones. */
export async function showKeys() {
  await addStyleSheets("key_list.css", "sessions.css");
  const toggle = element("input", {
    type: "checkbox",
    onchange: () => switchSingleKeys(toggle.checked ? "on" : "off"),
  });
  toggle.checked = areSingleKeysOn();
  const rows = list.map(([keys, does]) =>
    element("tr", {}, element("td", {}, element("kbd", { text: keys })), element("td", { text: does }))
  );
  const dialog = element(
    "dialog",
    { class: "question", "aria-label": "Keys" },
    element("table", { class: "key-list" }, element("tbody", {}, ...rows)),
    element("label", { class: "key-switch" }, toggle, " Keys without Ctrl work"),
    element(
      "form",
      { method: "dialog", class: "question-buttons" },
      element("button", { class: "button", text: "Close" }),
    ),
  );
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}
