import { element, icon } from "./element.js";

/**
 * What rows of the settings are made of. A row has a label, one or more controls, a hint, a place for the server's refusal,
 * and *Reset* while its value is changed.
 *
 * @param change `(name, value)`; undefined sets a value back
 */
export function settingRows(change) {
  /** `{ node, input, hint, reset }`; `name` is the setting's name in the API. */
  const row = (name, label, input, ...more) => {
    const id = `setting-${name}`;
    input.id = id;
    input.name = name;
    const hint = element("p", { class: "hint setting-hint", id: `${id}-hint` });
    const refusal = element("p", { class: "refusal", id: `refusal-${name}`, hidden: true });
    input.setAttribute("aria-describedby", `${id}-hint refusal-${name}`);
    const reset = element("button", {
      class: "plain-button",
      type: "button",
      text: "Reset",
      "aria-label": `Reset ${label}`,
      hidden: true,
      onclick: () => change(name, undefined),
    });
    const named = element("label", { for: id, text: label });
    const node = element("div", { class: "setting" }, named, reset, input, ...more, hint, refusal);
    return { node, input, hint, reset };
  };
  const number = (name, attributes) => numberField(attributes, (value) => change(name, value));
  const select = (name, parse = (value) => value) =>
    element("select", { onchange: (event) => change(name, parse(event.target.value)) });
  const yesOrNo = (name) => {
    const input = select(name, (value) => value === "true");
    input.append(
      element("option", { value: "true", text: "Yes" }),
      element("option", { value: "false", text: "No" }),
    );
    return input;
  };
  const text = (name) =>
    element("textarea", { rows: 2, maxlength: 4000, oninput: (event) => change(name, event.target.value) });
  return { row, number, select, yesOrNo, text };
}

/** A number that is told of whenever what stands there is one. */
export function numberField(attributes, onNumber) {
  return element("input", {
    type: "number",
    inputmode: "decimal",
    ...attributes,
    oninput: ({ target }) => target.value !== "" && target.validity.valid && onNumber(target.valueAsNumber),
  });
}

/** A cross behind an entry. */
export function removeButton(label, onclick) {
  return element("button", { class: "icon-button", type: "button", "aria-label": label, onclick }, icon("x"));
}

/** Writes a value unless it is the one being typed. */
export function put(input, value) {
  if (input === document.activeElement) return;
  if (input.value !== String(value)) input.value = value;
}
