import { setText } from "./element.js";
import { settingsInWords } from "./form_words.js";
import { bestSize, sizeKey } from "./plan.js";
import { addStyleSheets } from "./style_sheets.js";

const defaultSeed = 31337;

/** The settings few people touch, in one fold with its values in its title. Its rows are made when it is first opened. */
export class Settings {
  /** What was changed, by name. */
  changes = {};
  /** `{ blob, name }` of the frame to be led to, or null. */
  endPicture = null;
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

  /** Latent frames of a section, 4 frames each. */
  get windowLatentFrames() {
    return Number(this.changes.windowLatentFrames ?? this.model?.defaults.windowLatentFrames ?? 9);
  }

  /** Sets one value; undefined sets it back. */
  change(name, value) {
    if (name === "endImage") {
      this.endPicture = value ?? null;
      if (!value) delete this.changes.endStrength;
    } else if (value === undefined) delete this.changes[name];
    else this.changes[name] = value;
    this.#show();
    this.#onChange();
  }

  /** Fields of the request; what was not changed is left to the server. */
  request(schedule) {
    const { size, endStrength, ...rest } = this.changes;
    const fields = { seed: defaultSeed, ...rest };
    if (this.model) fields.model = this.model.id;
    if (size) fields.resolution = size;
    const end = schedule === "inverted" ? this.endPicture : null;
    if (!end) return { settings: fields };
    return { settings: endStrength === undefined ? fields : { ...fields, endStrength }, endImage: end.blob };
  }

  get #bestSize() {
    if (!this.model) return null;
    const { widthPx, heightPx } = this.#picture ?? { widthPx: 1, heightPx: 1 };
    return bestSize(this.model.sizes, widthPx, heightPx);
  }

  async #makeRows() {
    if (this.#rows) return;
    const [{ createSettingsRows }] = await Promise.all([import("./settings_rows.js"), addStyleSheets("settings.css")]);
    const root = this.#details.querySelector("#settings-rows");
    this.#rows ??= createSettingsRows(root, (name, value) => this.change(name, value));
    this.#show();
  }

  #show() {
    const { model, changes, endPicture } = this;
    if (!model) return;
    const { seed = defaultSeed, steps = model.defaults.steps, loras = [] } = changes;
    setText(this.#details.querySelector("#settings-values"), settingsInWords({ seed, steps, loras }));
    this.#rows?.show({ seed: defaultSeed, changes, endPicture, models: this.#models, model, best: this.#bestSize });
  }
}
