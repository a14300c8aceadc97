import { element, icon, setText } from "./element.js";
import { createEndPictureRow } from "./end_picture_row.js";
import { createLoraRow } from "./lora_row.js";
import { pixelSize } from "./measures.js";
import { sizeKey } from "./plan.js";
import { createPromptChangesRow } from "./prompt_changes_row.js";
import { put, settingRows } from "./setting_row.js";
import { cfgHint, madeFor, negativePromptHint, teaCacheHint, windowHint } from "./setting_words.js";

/** What step previews give and what they cost: 8 ms each at 832 × 480 (`task bench preview-cost`). */
const previewsHint =
  "After each step the section in work is shown as moving pictures. That takes a few milliseconds each time.";

/**
 * The rows of the settings. A changed value is bold and can be reset.
 *
 * @param root an empty element
 * @param change `(name, value)`; undefined sets a value back
 * @returns `{ show({ seed, changes, endPicture, models, model, best }) }`; `seed` is the usual one, `best` the size of the
 *   best match
 */
export function createSettingsRows(root, change) {
  const rows = createRows(change);
  root.append(...Object.values(rows).map(({ node }) => node));
  setText(rows.previews.hint, previewsHint);
  setText(rows.cfg.hint, cfgHint);
  setText(rows.negativePrompt.hint, negativePromptHint);
  setText(rows.teaCacheThreshold.hint, teaCacheHint);
  return {
    show({ seed, changes, endPicture, models, model, best }) {
      const values = { ...usualValues(model, best), seed, ...changes };
      fillSelect(rows.size.input, sizeOptions(model, best), values.size);
      fillSelect(rows.model.input, models.map(({ id, name }) => [id, name]), values.model);
      for (const name of fieldNames) put(rows[name].input, values[name]);
      for (const name of ["previews", "keepRecipe"]) rows[name].input.value = String(values[name]);
      setText(rows.steps.hint, madeFor(model.defaults.steps));
      setText(rows.guidance.hint, madeFor(model.defaults.guidance));
      setText(rows.windowLatentFrames.hint, windowHint(values.windowLatentFrames, model.defaults.windowLatentFrames));
      rows.promptChanges.show(values.promptChanges);
      rows.loras.show(values.loras, model.loras);
      rows.endImage.show(endPicture, values.endStrength);
      for (const name of ["negativePrompt", "cfgRescale"]) rows[name].node.hidden = values.cfg === 1;
      rows.shift.node.hidden = !("shift" in changes);
      for (const [name, row] of Object.entries(rows)) {
        const isChanged = name in changes || (name === "endImage" && endPicture !== null);
        row.node.classList.toggle("changed", isChanged);
        row.reset.hidden = !isChanged;
      }
    },
  };
}

/** What holds where nothing was changed. */
function usualValues(model, best) {
  const { steps, guidance, cfg, windowLatentFrames } = model.defaults;
  return {
    ...{
      size: sizeKey(best),
      model: model.id,
      steps,
      guidance,
      cfg,
      windowLatentFrames,
      loras: [],
      promptChanges: [],
      endStrength: 1,
    },
    ...{ cfgRescale: 0, negativePrompt: "", teaCacheThreshold: 0, shift: "", previews: true, keepRecipe: true },
  };
}

/** Settings that are typed. */
const fieldNames = [
  "seed",
  "steps",
  "guidance",
  "cfg",
  "negativePrompt",
  "cfgRescale",
  "shift",
  "teaCacheThreshold",
  "windowLatentFrames",
];

function createRows(change) {
  const { row, number, select, yesOrNo, text } = settingRows(change);
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
  return {
    size: row("size", "Size", select("size")),
    model: row("model", "Model", select("model")),
    promptChanges: createPromptChangesRow(change),
    loras: createLoraRow(change),
    endImage: createEndPictureRow(change),
    seed: row("seed", "Seed", number("seed", { min: -1, step: 1 }), shuffle),
    steps: row("steps", "Steps", number("steps", { min: 1, max: 100, step: 1 })),
    guidance: row("guidance", "Guidance", number("guidance", { min: 0, max: 100, step: 0.1 })),
    cfg: row("cfg", "True CFG", number("cfg", { min: 1, max: 30, step: 0.1 })),
    negativePrompt: row("negativePrompt", "What to avoid", text("negativePrompt")),
    cfgRescale: row("cfgRescale", "Guidance rescale", number("cfgRescale", { min: 0, max: 1, step: 0.05 })),
    teaCacheThreshold: row(
      "teaCacheThreshold",
      "TeaCache",
      number("teaCacheThreshold", { min: 0, max: 1, step: 0.01 }),
    ),
    windowLatentFrames: row("windowLatentFrames", "Window", number("windowLatentFrames", { min: 1, max: 33, step: 1 })),
    shift: row("shift", "Flow shift", number("shift", { min: 0.01, max: 100, step: "any" })),
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
