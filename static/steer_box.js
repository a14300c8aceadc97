import { call, Problem, sessionPath } from "./api.js";
import { element, setText } from "./element.js";
import { placePopover } from "./popover.js";
import { sectionsLeft } from "./session_words.js";
import { promptOfTheRest, steeringHint } from "./steering_words.js";
import { addStyleSheets } from "./style_sheets.js";

/** A panel that asks for another prompt for what is not made yet. */
export class SteerBox {
  #prompt = element("textarea", {
    id: "steer-prompt",
    rows: 3,
    maxlength: 4000,
    "aria-describedby": "steer-hint steer-refusal",
    onkeydown: (event) => event.key === "Enter" && (event.ctrlKey || event.metaKey) && this.#form.requestSubmit(),
  });
  #hint = element("p", { class: "hint", id: "steer-hint" });
  #refusal = element("p", { class: "refusal", id: "steer-refusal", hidden: true });
  #form = element(
    "form",
    { class: "popover", id: "steer", popover: "auto", onsubmit: (event) => this.#send(event) },
    element("label", { for: "steer-prompt", text: "What should happen next?" }),
    this.#prompt,
    this.#hint,
    this.#refusal,
    element("button", { class: "button small ink", type: "submit", text: "Change the prompt" }),
  );
  #view = null;

  /** @param button what it is opened by and stands at */
  async open(view, button) {
    await addStyleSheets("steer.css");
    if (!this.#form.isConnected) document.body.append(this.#form);
    this.#refusal.hidden = true;
    this.#prompt.value = promptOfTheRest(view);
    this.show(view);
    this.#form.showPopover();
    placePopover(this.#form, button);
    this.#prompt.select();
  }

  /** After each change of a session. Where nothing is left, or of another one, nothing is asked any more. */
  show(view) {
    const isLeft = sectionsLeft(view).length > 0;
    if (this.#view?.id !== view.id || !isLeft) this.close();
    this.#view = view;
    if (isLeft) setText(this.#hint, steeringHint(view));
  }

  close() {
    if (this.#form.matches(":popover-open")) this.#form.hidePopover();
  }

  async #send(event) {
    event.preventDefault();
    const body = JSON.stringify({ prompt: this.#prompt.value.trim() });
    try {
      await call(sessionPath(this.#view.id), {
        method: "PATCH",
        headers: { "content-type": "application/json" },
        body,
      });
      this.close();
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      setText(this.#refusal, error.message);
      this.#refusal.hidden = false;
    }
  }
}
