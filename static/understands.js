import { element } from "./element.js";

/**
 * What a model of a narrow domain can be asked for.
 * @param grammar `understands` of the model
 * @param onPick called with a whole prompt
 */
export function knownWords({ subjects, motions, together, speeds, otherwise }, onPick) {
  const row = (phrase) =>
    element(
      "li",
      {},
      element("button", { class: "chip", type: "button", text: phrase, onclick: () => onPick(sentence(phrase)) }),
    );
  return [
    element("p", { text: `A small model, for ${subjects}. Press what should happen:` }),
    element("ul", { class: "known", "aria-label": "Motions" }, ...motions.map(row)),
    element("p", { text: "Two at once, for example:" }),
    element("ul", { class: "known", "aria-label": "Motions together" }, ...together.map(row)),
    element("p", { class: "hint", text: `${speedsInWords(speeds)} ${otherwise}` }),
  ];
}

/** `it gets dark` is a sentence; `jumps` needs somebody who does it. */
function sentence(phrase) {
  const isWhole = /^(it|the|we) /.test(phrase);
  const text = isWhole ? phrase : `it ${phrase}`;
  return `${text[0].toUpperCase()}${text.slice(1)}.`;
}

function speedsInWords(speeds) {
  return speeds.length === 0 ? "" : `How fast: ${speeds.join(", ")}, or nothing.`;
}
