import { element, setText } from "./element.js";
import { numberField, put, removeButton, settingRows } from "./setting_row.js";
import { loraHint, loraOption } from "./setting_words.js";

/**
 * The row of LoRA files: one more from the list of the model's, and under it the chosen ones, each with its strength.
 *
 * @param change `(name, value)`; undefined sets a value back
 * @returns a row with `show(chosen, loras)`: `chosen` as in the request, `loras` as the model lists them
 */
export function createLoraRow(change) {
  let chosen = [];
  const set = (loras) => change("loras", loras.length === 0 ? undefined : loras);
  const add = (name) => name !== "" && set([...chosen, { name, strength: 1 }]);
  const replace = (name, by) => set(chosen.flatMap((lora) => lora.name === name ? by : [lora]));
  const select = element("select", { onchange: ({ target }) => add(target.value) });
  const list = element("ul", { class: "entries loras", "aria-label": "Chosen LoRAs" });
  const row = settingRows(change).row("loras", "LoRA", select, list);
  setText(row.hint, loraHint);
  const items = new Map();
  return {
    ...row,
    show(value, loras) {
      chosen = value;
      row.node.hidden = loras.length === 0 && chosen.length === 0;
      const isChosen = (name) => chosen.some((lora) => lora.name === name);
      select.replaceChildren(...optionsOf(loras.filter(({ name }) => !isChosen(name))));
      for (const name of items.keys()) if (!isChosen(name)) items.delete(name);
      const nodes = chosen.map(({ name, strength }) => {
        if (!items.has(name)) items.set(name, itemOf(name, replace));
        put(items.get(name).strength, strength);
        return items.get(name).node;
      });
      // A field that is typed in would lose the focus by being put in its place again.
      const isInPlace = nodes.length === list.children.length && nodes.every((node, i) => node === list.children[i]);
      if (!isInPlace) list.replaceChildren(...nodes);
    },
  };
}

function optionsOf(left) {
  return [
    element("option", { value: "", text: left.length === 0 ? "All are chosen" : "Add" }),
    ...left.map(({ name, fault }) =>
      element("option", { value: name, text: loraOption(name, fault), title: fault, disabled: fault !== null })
    ),
  ];
}

/** One chosen LoRA: its name, its strength, a button that takes it away. */
function itemOf(name, replace) {
  const strength = numberField(
    { min: -10, max: 10, step: 0.05, "aria-label": `Strength of ${name}` },
    (value) => replace(name, [{ name, strength: value }]),
  );
  const remove = removeButton(`Remove ${name}`, () => replace(name, []));
  return { node: element("li", {}, element("span", { class: "one-line", text: name }), strength, remove), strength };
}
