/**
 * Copying. A button says "Copied" in place for 2 s; there are no toasts.
 * @module
 */
import { element, icon, setText } from "./element.js";

const saidForMs = 2000;

/** Copies text. The Clipboard API exists only on secure origins, and this server is often an address in a local network. */
export async function copyText(text) {
  if (navigator.clipboard) {
    await navigator.clipboard.writeText(text);
    return;
  }
  const field = element("textarea", { class: "visually-hidden", readonly: true });
  field.value = text;
  document.body.append(field);
  field.select();
  const isCopied = document.execCommand("copy");
  field.remove();
  if (!isCopied) throw new Error("Cannot copy: the browser did not allow it");
}

/**
 * Makes a button copy what `text()` gives.
 * @param label the element with its words; they come back after 2 s
 */
export function copyOnClick(button, label, text) {
  const words = label.textContent;
  let timer = 0;
  button.addEventListener("click", async () => {
    clearTimeout(timer);
    const isCopied = await copyText(text()).then(() => true, () => false);
    setText(label, isCopied ? "Copied" : "Not allowed");
    timer = setTimeout(() => setText(label, words), saidForMs);
  });
}

/** A small button with an icon, for a row of values. `name`: what is copied, for a screen reader. */
export function copyIconButton(name, text) {
  const said = element("span", { class: "copied", role: "status" });
  const button = element(
    "button",
    { class: "icon-button", type: "button", "aria-label": `Copy ${name}` },
    icon("copy"),
  );
  copyOnClick(button, said, text);
  return element("span", { class: "copy" }, said, button);
}
