import { element, icon, setText } from "./element.js";
import { madeFor, settingsInWords } from "./form_words.js";
import { bestSize } from "./plan.js";
import { pixelSize } from "./measures.js";

const defaultSeed = 31337;

/**
 * The settings few people touch, in one fold with its values in its title. A changed one is bold and can be reset.
 *
 * @param details `<details>`; rows go into `#settings-rows`, the title's values into `#settings-values`
 * @param onChange after every change
 */
export function createSettingsFold(details, onChange) {
  const changes = {};
  const rows = createRows({
    change(name, value) {
      changes[name] = value;
      show();
      onChange();
    },
    reset(name) {
      delete changes[name];
      show();
      onChange();
    },
  });
  details.querySelector("#settings-rows").append(...Object.values(rows).map(({ node }) => node));
  let models = [];
  let picture = null;

  const modelOf = () =>
    models.find(({ id }) => id === changes.model) ?? models.find(({ isDefault }) => isDefault) ?? models[0] ?? null;
  const bestFor = (model) => picture ? bestSize(model.sizes, picture.widthPx, picture.heightPx) : model.sizes[0];
  const sizeOf = (model) => model.sizes.find((size) => sizeKey(size) === changes.size) ?? bestFor(model);

  function show() {
    const model = modelOf();
    if (!model) return;
    const size = sizeOf(model);
    const { steps, guidance } = model.defaults;
    fillSelect(rows.size.input, sizeOptions(model, bestFor(model)), changes.size ?? sizeKey(size));
    fillSelect(rows.model.input, models.map(({ id, name }) => [id, name]), model.id);
    rows.model.node.hidden = models.length < 2 && model.isDefault && !changes.model;
    rows.size.node.hidden = false;
    put(rows.seed, changes.seed ?? defaultSeed);
    put(rows.steps, changes.steps ?? steps);
    put(rows.guidance, changes.guidance ?? guidance);
    rows.keepRecipe.input.value = String(changes.keepRecipe ?? true);
    setText(rows.steps.hint, madeFor(steps));
    setText(rows.guidance.hint, madeFor(guidance));
    for (const [name, row] of Object.entries(rows)) {
      row.node.classList.toggle("changed", name in changes);
      row.reset.hidden = !(name in changes);
    }
    setText(
      details.querySelector("#settings-values"),
      settingsInWords({ seed: changes.seed ?? defaultSeed, steps: changes.steps ?? steps }),
    );
  }

  return {
    /** What was changed, for the draft. */
    changes,
    set(next) {
      for (const name of Object.keys(changes)) delete changes[name];
      Object.assign(changes, next);
      show();
    },
    setModels(next) {
      models = next;
      show();
    },
    setPicture(next) {
      picture = next;
      show();
    },
    get model() {
      return modelOf();
    },
    get size() {
      const model = modelOf();
      return model && sizeOf(model);
    },
    get steps() {
      return Number(changes.steps ?? modelOf()?.defaults.steps);
    },
    /** Fields of the request; what was not changed is left to the server. */
    request() {
      const { size, ...rest } = changes;
      const fields = { seed: defaultSeed, ...rest };
      const model = modelOf();
      if (model) fields.model = model.id;
      if (size) fields.resolution = size;
      return fields;
    },
  };
}

function createRows({ change, reset }) {
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
      onclick: () => reset(name),
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
  const keepRecipe = select("keepRecipe", (value) => value === "true");
  keepRecipe.append(
    element("option", { value: "true", text: "Yes" }),
    element("option", { value: "false", text: "No" }),
  );
  return {
    size: row("size", "Size", select("size")),
    model: row("model", "Model", select("model")),
    seed: row("seed", "Seed", number("seed", { min: -1, step: 1 }), shuffle),
    steps: row("steps", "Steps", number("steps", { min: 1, max: 100, step: 1 })),
    guidance: row("guidance", "Guidance", number("guidance", { min: 0, max: 100, step: 0.1 })),
    keepRecipe: row("keepRecipe", "Keep recipe in the file", keepRecipe),
  };
}

function sizeKey({ widthPx, heightPx }) {
  return `${widthPx}x${heightPx}`;
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
