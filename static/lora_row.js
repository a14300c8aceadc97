import { element, icon, setText } from "./element.js";
import { numberField, put, settingRows } from "./setting_row.js";
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
  const select = element("select", {
    onchange: ({ target }) => target.value !== "" && set([...chosen, { name: target.value, strength: 1 }]),
  });
  const list = element("ul", { class: "entries loras", "aria-label": "Chosen LoRAs" });
  const row = settingRows(change).row("loras", "LoRA", select, list);
  setText(row.hint, loraHint);
  const items = new Map();

  const itemOf = (name) => {
    const change = (one) => set(chosen.flatMap((lora) => lora.name === name ? one(lora) : [lora]));
    const strength = numberField(
      { min: -10, max: 10, step: 0.05, "aria-label": `Strength of ${name}` },
      (value) => change((lora) => [{ ...lora, strength: value }]),
    );
    const remove = element(
      "button",
      { class: "icon-button", type: "button", "aria-label": `Remove ${name}`, onclick: () => change(() => []) },
      icon("x"),
    );
    const node = element("li", {}, element("span", { class: "one-line", text: name }), strength, remove);
    return { node, strength };
  };

  return {
    ...row,
    show(value, loras) {
      chosen = value;
      row.node.hidden = loras.length === 0 && chosen.length === 0;
      const left = loras.filter(({ name }) => !chosen.some((lora) => lora.name === name));
      select.replaceChildren(
        element("option", { value: "", text: left.length === 0 ? "All are chosen" : "Add" }),
        ...left.map(({ name, fault }) =>
          element("option", { value: name, text: loraOption(name, fault), title: fault, disabled: fault !== null })
        ),
      );
      for (const name of items.keys()) {
        if (!chosen.some((lora) => lora.name === name)) items.delete(name);
      }
      const nodes = chosen.map(({ name, strength }) => {
        if (!items.has(name)) items.set(name, itemOf(name));
        put(items.get(name).strength, strength);
        return items.get(name).node;
      });
      // A field that is typed in would lose the focus by being put in its place again.
      if (nodes.length !== list.children.length || nodes.some((node, index) => node !== list.children[index])) {
        list.replaceChildren(...nodes);
      }
    },
  };
}
