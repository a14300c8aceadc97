import { element, icon, setText } from "./element.js";
import { madeFor } from "./form_words.js";
import { pixelSize } from "./measures.js";
import { sizeKey } from "./plan.js";

/** What step previews give and what they cost: 8 ms each at 832 × 480 (`task bench preview-cost`). */
const previewsHint =
  "After each step the section in work is shown as moving pictures. That takes a few milliseconds each time.";

/**
 * The rows of the settings. A changed value is bold and can be reset.
 *
 * @param root an empty element
 * @param change `(name, value)`; undefined sets a value back
 * @returns `{ show(values, { changes, models, model, best }) }`
 */
export function createSettingsRows(root, change) {
  const rows = createRows(change);
  root.append(...Object.values(rows).map(({ node }) => node));
  return {
    show(values, { changes, models, model, best }) {
      fillSelect(rows.size.input, sizeOptions(model, best), values.size);
      fillSelect(rows.model.input, models.map(({ id, name }) => [id, name]), values.model);
      for (const name of ["seed", "steps", "guidance"]) put(rows[name], values[name]);
      for (const name of ["previews", "keepRecipe"]) rows[name].input.value = String(values[name]);
      setText(rows.previews.hint, previewsHint);
      setText(rows.steps.hint, madeFor(model.defaults.steps));
      setText(rows.guidance.hint, madeFor(model.defaults.guidance));
      for (const [name, row] of Object.entries(rows)) {
        row.node.classList.toggle("changed", name in changes);
        row.reset.hidden = !(name in changes);
      }
    },
  };
}

function createRows(change) {
  const row = (name, label, input, ...more) => {
    const id = `setting-${name}`;
    input.id = id;
    input.name = name;
    const hint = element("p", { class: "hint setting-hint", id: `${id}-hint` });
    const refusal = element("p", { class: "refusal", id: `refusal-${name}`, hidden: true });
    input.setAttribute("aria-describedby", `${id}-hint refusal-${name}`);
    const resetButton = element("button", {
      class: "plain-button",
      type: "button",
      text: "Reset",
      "aria-label": `Reset ${label}`,
      hidden: true,
      onclick: () => change(name, undefined),
    });
    const node = element(
      "div",
      { class: "setting" },
      element("label", { for: id, text: label }),
      resetButton,
      input,
      ...more,
      hint,
      refusal,
    );
    return { node, input, hint, reset: resetButton };
  };
  const number = (name, attributes) =>
    element("input", {
      type: "number",
      inputmode: "decimal",
      ...attributes,
      oninput: (event) =>
        event.target.value !== "" && event.target.validity.valid && change(name, event.target.valueAsNumber),
    });
  const select = (name, parse = (value) => value) =>
    element("select", { onchange: (event) => change(name, parse(event.target.value)) });
  const shuffle = element(
    "button",
    {
      class: "icon-button framed",
      type: "button",
      "aria-label": "New random seed",
      onclick: () => change("seed", crypto.getRandomValues(new Uint32Array(1))[0]),
    },
    icon("shuffle"),
  );
  const yesOrNo = (name) => {
    const input = select(name, (value) => value === "true");
    input.append(
      element("option", { value: "true", text: "Yes" }),
      element("option", { value: "false", text: "No" }),
    );
    return input;
  };
  return {
    size: row("size", "Size", select("size")),
    model: row("model", "Model", select("model")),
    seed: row("seed", "Seed", number("seed", { min: -1, step: 1 }), shuffle),
    steps: row("steps", "Steps", number("steps", { min: 1, max: 100, step: 1 })),
    guidance: row("guidance", "Guidance", number("guidance", { min: 0, max: 100, step: 0.1 })),
    previews: row("previews", "Step previews", yesOrNo("previews")),
    keepRecipe: row("keepRecipe", "Keep recipe in the file", yesOrNo("keepRecipe")),
  };
}

/** The best match first, then all others. */
function sizeOptions(model, best) {
  const label = (size) => size === best && model.sizes.length > 1 ? `${pixelSize(size)} (best match)` : pixelSize(size);
  return [best, ...model.sizes.filter((size) => size !== best)].map((size) => [sizeKey(size), label(size)]);
}

function fillSelect(select, options, value) {
  const key = JSON.stringify(options);
  if (select.dataset.options !== key) {
    select.dataset.options = key;
    select.replaceChildren(...options.map(([option, text]) => element("option", { value: option, text })));
  }
  select.value = value;
}

/** Writes a number unless it is the one being typed. */
function put({ input }, value) {
  if (input.valueAsNumber !== value && input !== document.activeElement) input.value = value;
}
