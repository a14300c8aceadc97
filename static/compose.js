import { Problem, startSession } from "./api.js";
import { element, setText } from "./element.js";
import {
  estimateLines,
  oneOrderOnly,
  orderHints,
  promptHint,
  promptPlaceholder,
  whyEndFirst,
  whyNotYet,
} from "./form_words.js";
import { createLengthField } from "./length_field.js";
import { estimateWork, planVideo } from "./plan.js";
import { createSettings } from "./settings.js";
import { createStartPicture } from "./start_picture.js";
import { planInWords } from "./measures.js";

const draftKey = "framecast.draft";
const byId = (id) => document.getElementById(id);

/**
 * The form for a new video: draft, plan, estimate, start, refusals.
 *
 * @param handlers `onPlan(plan)` after every change of the plan · `onPicture()` with every new start picture ·
 *   `onStarted(view)` with the new session's view
 */
export function createCompose({ onPlan, onPicture, onStarted }) {
  const form = byId("compose-form");
  const prompt = byId("prompt");
  const length = createLengthField(byId("length-slider"), byId("length-number"), () => changed());
  const picture = createStartPicture({
    onChange() {
      settings.setPicture(picture.picture);
      changed();
      onPicture();
    },
    onPrompt(words) {
      prompt.value = words;
      changed();
    },
  });
  const settings = createSettings(byId("settings"), () => changed());
  const engine = { isReachable: true, isBusy: false, waitSeconds: 0 };
  let hasSchedule = false;
  let examplesOf = null;
  let sending = null;

  const schedule = () => form.elements.schedule.value || "inverted";
  const currentPlan = () => {
    const size = settings.size ?? { widthPx: 1, heightPx: 1 };
    return { ...planVideo(length.seconds ?? 5, schedule()), ...size };
  };

  function changed() {
    const { model } = settings;
    showExamples(model);
    showOrder(model, schedule());
    const plan = currentPlan();
    showPlan(plan);
    if (settings.size) picture.setSize(settings.size);
    grow(prompt);
    byId("prompt-hint").hidden = prompt.value !== "";
    showEstimate(model, plan);
    saveDraft();
    onPlan(plan, schedule());
  }

  function showExamples(model) {
    if (model?.id === examplesOf) return;
    examplesOf = model?.id;
    picture.setExamples((model?.examples ?? []).slice(0, 6));
  }

  function showEstimate(model, plan) {
    const reason = whyNotYet({
      hasPicture: picture.picture !== null,
      prompt: prompt.value,
      isReachable: engine.isReachable,
    });
    const work = model &&
      estimateWork(model, { sections: plan.sections.length, steps: settings.steps, ...settings.size });
    const lines = reason ? [] : estimateLines(work, engine.waitSeconds);
    const node = byId("estimate");
    node.replaceChildren(
      ...(typeof lines === "string"
        ? [element("dt", { class: "hint", text: lines })]
        : lines.map(([label, value]) =>
          element("div", {}, element("dt", { text: label }), element("dd", { text: value }))
        )),
    );
    node.hidden = lines.length === 0;
    setText(byId("reason"), reason);
    byId("reason").hidden = reason === "";
    const button = byId("generate");
    if (reason || sending) button.setAttribute("aria-disabled", "true");
    else button.removeAttribute("aria-disabled");
    button.classList.toggle("accent", !engine.isBusy);
    button.classList.toggle("ink", engine.isBusy);
    setText(byId("generate-text"), sending ?? (engine.isBusy ? "Add to queue" : "Generate"));
  }

  async function start() {
    if (byId("generate").getAttribute("aria-disabled") === "true") return;
    clearRefusals();
    sending = "Sending";
    changed();
    try {
      const { image, name } = await picture.upload();
      const fields = {
        prompt: prompt.value.trim(),
        durationSeconds: length.seconds ?? 5,
        schedule: schedule(),
        ...settings.request(),
      };
      const view = await startSession({ image, name, settings: fields }, (fraction) => {
        sending = fraction < 1 ? `Sending ${Math.floor(100 * fraction)}%` : "Sending";
        setText(byId("generate-text"), sending);
      });
      onStarted(view);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      showRefusal(error);
    } finally {
      sending = null;
      changed();
    }
  }

  function saveDraft() {
    const draft = { prompt: prompt.value, seconds: length.seconds, settings: settings.changes };
    if (hasSchedule) draft.schedule = schedule();
    localStorage.setItem(draftKey, JSON.stringify(draft));
  }

  function fill({ prompt: words = "", seconds = 5, schedule: order, settings: changes = {} }) {
    prompt.value = words;
    length.set(seconds ?? 5);
    if (order) {
      form.elements.schedule.value = order;
      hasSchedule = true;
    }
    settings.set(changes);
  }

  prompt.placeholder = promptPlaceholder;
  setText(byId("prompt-hint"), promptHint);
  setText(byId("why"), whyEndFirst);
  setText(byId("generate-key"), /Mac|iPhone|iPad/.test(navigator.platform) ? "⌘ ↵" : "Ctrl ↵");
  prompt.addEventListener("input", changed);
  form.addEventListener("change", ({ target }) => {
    if (target.name !== "schedule") return;
    hasSchedule = true;
    changed();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    start();
  });
  if (matchMedia("(min-width: 1600px)").matches) byId("settings").open = true;
  fill(readDraft());

  return {
    start,
    setModels(models) {
      settings.setModels(models);
      const { model } = settings;
      if (model && !hasSchedule) form.elements.schedule.value = model.defaults.schedule;
      changed();
    },
    /** `{ isReachable, isBusy, waitSeconds }`: whether the engine works, and for how long; null when nobody knows. */
    setEngine(next) {
      if (JSON.stringify(next) === JSON.stringify(engine)) return;
      Object.assign(engine, next);
      changed();
    },
    /** Fills in the settings and the picture of a session. */
    async useAgain(view, image) {
      const { seed, steps, guidance, keepRecipe, model, widthPx, heightPx, durationSeconds } = view.settings;
      const size = `${widthPx}x${heightPx}`;
      fill({
        prompt: view.settings.prompt,
        seconds: durationSeconds,
        schedule: view.settings.schedule,
        settings: { model, seed, steps, guidance, keepRecipe, size },
      });
      await picture.take(image, { name: "Start picture" });
      changed();
    },
    focusPrompt: () => prompt.focus(),
  };
}

function readDraft() {
  try {
    return JSON.parse(localStorage.getItem(draftKey)) ?? {};
  } catch {
    return {}; // a draft of another version
  }
}

function showOrder(model, schedule) {
  const known = model?.schedules ?? ["inverted", "forward"];
  for (const input of document.querySelectorAll("input[name=schedule]")) {
    input.disabled = !known.includes(input.value);
    input.parentElement.title = input.disabled ? oneOrderOnly(model.name) : "";
    if (known.length === 1) input.checked = input.value === known[0];
  }
  setText(
    byId("order-hint"),
    known.length === 1 ? `${orderHints[known[0]]} ${oneOrderOnly(model.name)}` : orderHints[schedule],
  );
}

/** The plan as small numbered boxes in timeline order; above 12 sections without numbers. */
function showPlan(plan) {
  const boxes = plan.sections.map(({ start, end }, index) => ({ start, end, number: index + 1 }))
    .sort((a, b) => a.start - b.start);
  byId("mini-plan").replaceChildren(...boxes.map(({ start, end, number }) => {
    const box = element("li", { text: boxes.length > 12 ? "" : number });
    box.style.flexGrow = end - start;
    return box;
  }));
  setText(byId("plan-hint"), `${planInWords(plan)}.`);
}

/** From two to eight lines. */
function grow(textarea) {
  textarea.style.height = "auto";
  const borders = textarea.offsetHeight - textarea.clientHeight;
  textarea.style.height = `${Math.min(8 * 20 + 18, textarea.scrollHeight) + borders}px`;
}

function clearRefusals() {
  for (const line of document.querySelectorAll(".compose .refusal")) {
    line.hidden = true;
    line.textContent = "";
  }
  for (const field of document.querySelectorAll(".compose [aria-invalid]")) field.removeAttribute("aria-invalid");
}

/** The server's sentence under its field, which gets the focus; without a field above the button. */
function showRefusal(problem) {
  const named = problem.field === "resolution" ? "size" : problem.field;
  const line = byId(`refusal-${named}`) ?? byId("refusal-form");
  setText(line, problem.message);
  line.hidden = false;
  const field = named === "image"
    ? byId("replace")
    : document.querySelector(`.compose [name="${CSS.escape(named ?? "")}"]`);
  if (!field) return;
  if (byId("settings").contains(field)) byId("settings").open = true;
  field.setAttribute("aria-invalid", "true");
  field.focus();
}
