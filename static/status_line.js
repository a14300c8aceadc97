import { copyOnClick } from "./copy.js";
import { element, icon, setText } from "./element.js";
import { fractionMade, growsBackwards } from "./frame_map.js";
import { duration } from "./measures.js";
import { remaining } from "./words.js";

/**
 * The line under the stage: how far, what is being done, how long, and what can be done about it; on the edge above it the
 * total line. Elements stay, only their text changes.
 *
 * @param root an empty element
 * @param totalLine the 2 px line, holding one `<i>`
 * @param handlers `onAction(id)` · `textFor(id)`: what a button with `copies` puts on the clipboard
 */
export function createStatusLine(root, totalLine, { onAction, textFor }) {
  const percent = element("p", { class: "percent figures" });
  const sign = element("p", { class: "status-icon" }, icon("triangle-alert"));
  const bold = element("b");
  const plain = element("span", { class: "figures" });
  const says = element("p", { class: "says" }, bold, plain);
  const leftName = element("dt");
  const leftValue = element("dd");
  const left = element("dl", { class: "left figures" }, element("div", {}, leftName, leftValue));
  const actions = element("div", { class: "status-actions" });
  root.append(percent, sign, says, left, actions);
  let shownActions = "";

  function showActions(list) {
    const key = list.map(({ id, look = "" }) => `${id} ${look}`).join();
    if (key !== shownActions) {
      shownActions = key;
      actions.replaceChildren(...list.map(actionButton));
    }
    list.forEach(({ text }, index) => {
      const button = actions.children[index];
      if (button.dataset.text === text) return; // a button that says "Copied" is left alone
      button.dataset.text = text;
      setText(button.lastElementChild, text);
    });
  }

  function actionButton({ id, text, icon: name, look = "", copies }) {
    const label = element("span", { text });
    const attributes = { class: `button ${look}`, type: "button", "data-action": id, "data-text": text };
    const button = element("button", attributes, name ? icon(name) : null, label);
    if (copies) copyOnClick(button, label, () => textFor(id));
    else button.addEventListener("click", () => onAction(id));
    return button;
  }

  return {
    /** `words` `{ bold, plain }`, `list` of actions; `view` null before anything runs. */
    show(view, words, list) {
      const counts = view?.state === "running" && ["sampling", "decoding", "recording"].includes(view.progress.phase);
      root.classList.toggle("counts", counts);
      percent.hidden = left.hidden = !counts;
      sign.hidden = view?.state !== "failed";
      if (counts) {
        setText(percent, `${view.progress.percent}%`);
        setText(leftName, `After ${duration(view.timings.elapsedSeconds)}, left`);
        setText(leftValue, remaining(view.timings));
      }
      setText(bold, words.bold);
      setText(plain, words.plain);
      showActions(list);
      const hasFailed = view?.state === "failed";
      totalLine.hidden = !counts && !hasFailed;
      totalLine.dataset.look = hasFailed ? "problem" : "";
      if (totalLine.hidden) return;
      totalLine.dataset.from = growsBackwards(view.plan) ? "end" : "start";
      totalLine.firstElementChild.style.width = `${hasFailed ? 100 : 100 * fractionMade(view.progress)}%`;
    },
  };
}
