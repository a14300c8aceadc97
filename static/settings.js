import { setText } from "./element.js";
import { settingsInWords } from "./form_words.js";
import { bestSize, sizeKey } from "./plan.js";
import { addStyleSheets } from "./style_sheets.js";

const defaultSeed = 31337;

/**
 * The settings few people touch, in one fold with its values in its title. Its rows are made when it is first opened.
 *
 * @param details `<details>`; the title's values stand in `#settings-values`
 * @param onChange after every change
 */
export function createSettings(details, onChange) {
  const changes = {};
  let models = [];
  let picture = null;
  let rows = null;

  const modelOf = () =>
    models.find(({ id }) => id === changes.model) ?? models.find(({ isDefault }) => isDefault) ?? models[0] ?? null;
  const bestFor = (model) => picture ? bestSize(model.sizes, picture.widthPx, picture.heightPx) : model.sizes[0];

  function change(name, value) {
    if (value === undefined) delete changes[name];
    else changes[name] = value;
    show();
    onChange();
  }

  /** Every value as it is sent, and the best size of all that are offered. */
  function values(model) {
    const { steps, guidance } = model.defaults;
    const best = bestFor(model);
    return { size: sizeKey(best), model: model.id, seed: defaultSeed, steps, guidance, keepRecipe: true, ...changes };
  }

  function show() {
    const model = modelOf();
    if (!model) return;
    const all = values(model);
    setText(details.querySelector("#settings-values"), settingsInWords(all));
    rows?.show(all, { changes, models, model, best: bestFor(model) });
  }

  details.addEventListener("toggle", async () => {
    if (rows || !details.open) return;
    const [{ createSettingsRows }] = await Promise.all([import("./settings_rows.js"), addStyleSheets("/settings.css")]);
    rows ??= createSettingsRows(details.querySelector("#settings-rows"), change);
    show();
  });

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
      return model && (model.sizes.find((size) => sizeKey(size) === changes.size) ?? bestFor(model));
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
