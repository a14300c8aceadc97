import { element, setText } from "./element.js";
import { numberField, put, removeButton, settingRows } from "./setting_row.js";
import { promptChangesHint } from "./setting_words.js";

/** How far a new one is from the one before it: two sections. */
const usualDistanceSeconds = 2.4;

/**
 * The row of prompts that count from a second of the video on.
 *
 * @param change `(name, value)`; undefined sets a value back
 * @returns a row with `show(changes)`: as in the request
 */
export function createPromptChangesRow(change) {
  let shown = [];
  const set = (changes) => change("promptChanges", changes.length === 0 ? undefined : changes);
  const replace = (index, by) => set(shown.flatMap((entry, at) => at === index ? by(entry) : [entry]));
  const add = () => {
    const atSeconds = Number(((shown.at(-1)?.atSeconds ?? 0) + usualDistanceSeconds).toFixed(1));
    set([...shown, { atSeconds, prompt: "" }]);
  };
  const button = element("button", { class: "button small", type: "button", text: "Add", onclick: add });
  const list = element("ul", { class: "entries prompt-changes", "aria-label": "Prompt changes" });
  const row = settingRows(change).row("promptChanges", "Prompt changes", button, list);
  setText(row.hint, promptChangesHint);
  const items = [];
  return {
    ...row,
    show(changes) {
      shown = changes;
      while (items.length < changes.length) items.push(itemOf(items.length, replace));
      items.length = changes.length;
      if (list.children.length !== items.length) list.replaceChildren(...items.map(({ node }) => node));
      changes.forEach(({ atSeconds, prompt }, index) => {
        put(items[index].atSeconds, Number(atSeconds.toFixed(2)));
        put(items[index].prompt, prompt);
      });
    },
  };
}

/** One change: its second, its prompt, a button that takes it away. */
function itemOf(index, replace) {
  const number = index + 1;
  const atSeconds = numberField(
    { min: 0, max: 120, step: "any", "aria-label": `Second of change ${number}` },
    (value) => replace(index, (entry) => [{ ...entry, atSeconds: value }]),
  );
  const prompt = element("input", {
    type: "text",
    maxlength: 4000,
    "aria-label": `Prompt of change ${number}`,
    oninput: ({ target }) => replace(index, (entry) => [{ ...entry, prompt: target.value }]),
  });
  const remove = removeButton(`Remove change ${number}`, () => replace(index, () => []));
  return { node: element("li", {}, atSeconds, prompt, remove), atSeconds, prompt };
}
