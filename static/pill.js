import { element } from "./element.js";

/** Shows the state of a session; `words` as `pillFor` gives them. The element is only rebuilt when they change. */
export function showPill(pill, { text, look, mark }) {
  const key = `${text} ${look} ${mark}`;
  if (pill.dataset.key === key) return;
  pill.dataset.key = key;
  pill.className = `pill ${look}`;
  const sign = mark === "dot" || mark === "ring" ? element("span", { class: mark }) : null;
  pill.replaceChildren(...[sign, text].filter(Boolean));
}
