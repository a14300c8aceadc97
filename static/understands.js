import { element } from "./element.js";
import { placePopover } from "./popover.js";
import { addStyleSheets } from "./style_sheets.js";

const byId = (id) => document.getElementById(id);

/**
 * Fills the panel with what a model of a narrow domain can be asked for.
 * @param grammar `understands` of the model
 * @param onPick called with a whole prompt
 */
export async function showKnown(grammar, onPick) {
  await addStyleSheets("understands.css");
  const panel = byId("understands");
  panel.replaceChildren(...knownWords(grammar, (phrase) => {
    panel.hidePopover();
    onPick(promptOf(phrase));
    byId("prompt").focus();
  }));
  placePopover(panel, byId("knows"));
}

function knownWords({ subjects, motions, together, speeds, otherwise }, pick) {
  const row = (phrase) =>
    element("li", {}, element("button", { class: "chip", type: "button", text: phrase, onclick: () => pick(phrase) }));
  const list = (label, phrases) => element("ul", { class: "known", "aria-label": label }, ...phrases.map(row));
  const howFast = speeds.length > 0 ? `How fast: ${speeds.join(", ")}, or nothing. ` : "";
  return [
    element("p", { text: `A small model, made for ${subjects}. Press what should happen:` }),
    list("Motions", motions),
    ...together.length > 0 ? [element("p", { text: "Two at once:" }), list("Motions together", together)] : [],
    element("p", { class: "hint", text: `${howFast}${otherwise}` }),
  ];
}

/** `it gets dark` is a sentence; `jumps` needs somebody who does it. */
export function promptOf(phrase) {
  const text = /^(it|the|we) /.test(phrase) ? phrase : `it ${phrase}`;
  return `${text[0].toUpperCase()}${text.slice(1)}.`;
}
