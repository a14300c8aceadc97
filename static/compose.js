import { Problem } from "./api.js";
import { element, setText } from "./element.js";
import {
  estimateLines,
  oneOrderOnly,
  orderHints,
  placeholderFor,
  promptHint,
  whyEndFirst,
  whyNotYet,
} from "./form_words.js";
import { createLengthField } from "./length_field.js";
import { estimateWork, planVideo } from "./plan.js";
import { Settings } from "./settings.js";
import { StartPicture } from "./start_picture.js";
import { planInWords } from "./measures.js";

const draftKey = "framecast.draft";
const byId = (id) => document.getElementById(id);

/** The form for a new video: draft, plan, estimate, start, refusals. */
export class Compose {
  #handlers;
  #form = byId("compose-form");
  #prompt = byId("prompt");
  #length = createLengthField(byId("length-slider"), byId("length-number"), () => this.#changed());
  #settings = new Settings(byId("settings"), () => this.#changed());
  #picture = new StartPicture({
    onChange: () => this.#pictureChanged(),
    onPrompt: (words) => {
      this.#prompt.value = words;
      this.#changed();
    },
    onPlain: (start) => this.#settings.change("start", start ?? undefined),
  });
  #engine = { isReachable: true, isBusy: false, waitSeconds: 0 };
  /** Whether somebody chose the order; else it is the model's. */
  #hasSchedule = false;
  /** The model whose examples are shown. */
  #examplesOf = null;
  /** What the button says while the request is sent, or null. */
  #sending = null;

  /**
   * @param handlers `onPlan(plan)` after every change of the plan · `onPicture()` with every new start picture ·
   *   `onStarted(view)` with the new session's view
   */
  constructor(handlers) {
    this.#handlers = handlers;
    setText(byId("prompt-hint"), promptHint);
    setText(byId("why"), whyEndFirst);
    setText(byId("generate-key"), /Mac|iPhone|iPad/.test(navigator.platform) ? "⌘ ↵" : "Ctrl ↵");
    this.#prompt.addEventListener("input", () => this.#changed());
    byId("understands").addEventListener("beforetoggle", ({ newState }) => newState === "open" && this.#showKnown());
    this.#form.addEventListener("change", ({ target }) => {
      if (target.name !== "schedule") return;
      this.#hasSchedule = true;
      this.#changed();
    });
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.start();
    });
    if (matchMedia("(min-width: 1600px)").matches) byId("settings").open = true;
    this.#fill(readDraft());
  }

  setModels(models) {
    this.#settings.setModels(models);
    const { model } = this.#settings;
    if (model && !this.#hasSchedule) this.#form.elements.schedule.value = model.defaults.schedule;
    this.#changed();
  }

  /** `{ isReachable, isBusy, waitSeconds }`: whether the engine works, and for how long; null when nobody knows. */
  setEngine(engine) {
    if (JSON.stringify(engine) === JSON.stringify(this.#engine)) return;
    this.#engine = engine;
    this.#changed();
  }

  /** Fills in the settings and the picture of a session. */
  async useAgain(view) {
    const { picturesAgain, settingsAgain } = await import("./use_again.js");
    const { image, endImage } = await picturesAgain(view);
    const { prompt, durationSeconds, schedule, ...settings } = view.settings;
    this.#fill({ prompt, seconds: durationSeconds, schedule, settings: settingsAgain(settings) });
    this.#settings.endPicture = endImage && { blob: endImage, name: "End picture" };
    if (image) await this.#picture.take(image, { name: "Start picture" });
    this.#changed();
  }

  focusPrompt() {
    this.#prompt.focus();
  }

  /** Sends the request, unless the button says why that cannot be. */
  async start() {
    if (byId("generate").getAttribute("aria-disabled") === "true") return;
    this.#sending = "Sending";
    this.#changed();
    const [{ clearRefusals, showRefusal }, { startSession }] = await Promise.all([
      import("./refusals.js"),
      import("./start_session.js"),
    ]);
    clearRefusals();
    try {
      this.#handlers.onStarted(await this.#send(startSession));
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      showRefusal(error);
    } finally {
      this.#sending = null;
      this.#changed();
    }
  }

  async #send(startSession) {
    const { settings, ...files } = this.#settings.request(this.#schedule);
    const words = { prompt: this.#prompt.value.trim(), durationSeconds: this.#length.seconds ?? 5 };
    const request = { ...await this.#picture.upload(), ...files };
    request.settings = { ...words, schedule: this.#schedule, ...settings };
    return await startSession(request, (fraction) => {
      this.#sending = fraction < 1 ? `Sending ${Math.floor(100 * fraction)}%` : "Sending";
      setText(byId("generate-text"), this.#sending);
    });
  }

  get #schedule() {
    return this.#form.elements.schedule.value || "inverted";
  }

  async #showKnown() {
    const { showKnown } = await import("./understands.js");
    await showKnown(this.#settings.model.understands, (prompt) => {
      this.#prompt.value = prompt;
      this.#changed();
    });
  }

  #pictureChanged() {
    delete this.#settings.changes.start;
    this.#settings.setPicture(this.#picture.picture);
    this.#changed();
    this.#handlers.onPicture();
  }

  #changed() {
    const { changes } = this.#settings;
    if (changes.start !== undefined) this.#settings.setPicture(null);
    const { model, size, windowLatentFrames } = this.#settings;
    const sections = planVideo(this.#length.seconds ?? 5, this.#schedule, 4 * windowLatentFrames);
    const plan = { ...sections, ...(size ?? { widthPx: 1, heightPx: 1 }) };
    this.#picture.setPlain(changes.start ?? null);
    if (model?.id !== this.#examplesOf) {
      this.#examplesOf = model?.id;
      this.#picture.setExamples((model?.examples ?? []).slice(0, 6));
      byId("knows").hidden = !model?.understands;
      this.#prompt.placeholder = placeholderFor(model);
    }
    showOrder(model, this.#schedule);
    showPlan(plan);
    if (size) this.#picture.setSize(size);
    grow(this.#prompt);
    byId("prompt-hint").hidden = this.#prompt.value !== "";
    this.#showButton(model, plan);
    this.#saveDraft();
    this.#handlers.onPlan(plan);
  }

  /** The button, and above it how long it will take or why it cannot be pressed. */
  #showButton(model, plan) {
    const { isReachable, isBusy, waitSeconds } = this.#engine;
    const { steps, cfg, size, windowLatentFrames, changes } = this.#settings;
    const hasStart = this.#picture.picture !== null || changes.start !== undefined;
    const reason = whyNotYet({ hasStart, prompt: this.#prompt.value, isReachable });
    const work = model &&
      estimateWork(model, { sections: plan.sections.length, steps, cfg, windowLatentFrames, ...size });
    showEstimate(reason ? [] : estimateLines(work, waitSeconds));
    setText(byId("reason"), reason);
    byId("reason").hidden = reason === "";
    const button = byId("generate");
    if (reason || this.#sending) button.setAttribute("aria-disabled", "true");
    else button.removeAttribute("aria-disabled");
    button.classList.toggle("accent", !isBusy);
    button.classList.toggle("ink", isBusy);
    setText(byId("generate-text"), this.#sending ?? (isBusy ? "Add to queue" : "Generate"));
  }

  #saveDraft() {
    const draft = { prompt: this.#prompt.value, seconds: this.#length.seconds, settings: this.#settings.changes };
    if (this.#hasSchedule) draft.schedule = this.#schedule;
    localStorage.setItem(draftKey, JSON.stringify(draft));
  }

  #fill({ prompt = "", seconds = 5, schedule, settings = {} }) {
    this.#prompt.value = prompt;
    this.#length.set(seconds ?? 5);
    if (schedule) {
      this.#form.elements.schedule.value = schedule;
      this.#hasSchedule = true;
    }
    this.#settings.set(settings);
  }
}

/** Lines of label and value, or one sentence. */
function showEstimate(lines) {
  const node = byId("estimate");
  node.hidden = lines.length === 0;
  if (typeof lines === "string") {
    const label = element("dt", { class: "visually-hidden", text: "Estimate" });
    return node.replaceChildren(element("div", {}, label, element("dd", { class: "hint", text: lines })));
  }
  const line = ([label, value]) => element("div", {}, element("dt", { text: label }), element("dd", { text: value }));
  node.replaceChildren(...lines.map(line));
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
