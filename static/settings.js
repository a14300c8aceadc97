import { setText } from "./element.js";
import { settingsInWords } from "./form_words.js";
import { bestSize, sizeKey } from "./plan.js";
import { addStyleSheets } from "./style_sheets.js";

const defaultSeed = 31337;

/** The settings few people touch, in one fold with its values in its title. Its rows are made when it is first opened. */
export class Settings {
  /** What was changed, by name. */
  changes = {};
  #details;
  #onChange;
  #models = [];
  #picture = null;
  #rows = null;

  /**
   * @param details `<details>`; the title's values stand in `#settings-values`
   * @param onChange after every change
   */
  constructor(details, onChange) {
    this.#details = details;
    this.#onChange = onChange;
    details.addEventListener("toggle", () => details.open && this.#makeRows());
  }

  set(changes) {
    this.changes = { ...changes };
    this.#show();
  }

  setModels(models) {
    this.#models = models;
    this.#show();
  }

  /** The start picture, whose shape decides which size is the best. */
  setPicture(picture) {
    this.#picture = picture;
    this.#show();
  }

  /** The model that was chosen, else the default; null while none is known. */
  get model() {
    const models = this.#models;
    return models.find(({ id }) => id === this.changes.model) ?? models.find(({ isDefault }) => isDefault) ??
      models[0] ?? null;
  }

  /** `{ widthPx, heightPx }` of the video; null while no model is known. */
  get size() {
    return this.model?.sizes.find((size) => sizeKey(size) === this.changes.size) ?? this.#bestSize;
  }

  get steps() {
    return Number(this.changes.steps ?? this.model?.defaults.steps);
  }

  /** Above 1 each step is computed twice. */
  get cfg() {
    return Number(this.changes.cfg ?? this.model?.defaults.cfg ?? 1);
  }

  /** Fields of the request; what was not changed is left to the server. */
  request() {
    const { size, ...rest } = this.changes;
    const fields = { seed: defaultSeed, ...rest };
    if (this.model) fields.model = this.model.id;
    if (size) fields.resolution = size;
    return fields;
  }

  get #bestSize() {
    if (!this.model) return null;
    const { sizes } = this.model;
    return this.#picture ? bestSize(sizes, this.#picture.widthPx, this.#picture.heightPx) : sizes[0];
  }

  async #makeRows() {
    if (this.#rows) return;
    const [{ createSettingsRows }] = await Promise.all([import("./settings_rows.js"), addStyleSheets("settings.css")]);
    this.#rows ??= createSettingsRows(this.#details.querySelector("#settings-rows"), (name, value) => {
      if (value === undefined) delete this.changes[name];
      else this.changes[name] = value;
      this.#show();
      this.#onChange();
    });
    this.#show();
  }

  #show() {
    const { model, changes } = this;
    if (!model) return;
    const best = this.#bestSize;
    const { steps, guidance, cfg } = model.defaults;
    const unchanged = {
      size: sizeKey(best),
      model: model.id,
      seed: defaultSeed,
      steps,
      guidance,
      cfg,
      cfgRescale: 0,
      negativePrompt: "",
      teaCacheThreshold: 0,
      shift: "",
      loras: [],
      previews: true,
      keepRecipe: true,
    };
    const values = { ...unchanged, ...changes };
    setText(this.#details.querySelector("#settings-values"), settingsInWords(values));
    this.#rows?.show(values, { changes, models: this.#models, model, best });
  }
}
