import { setText } from "./element.js";

const byId = (id) => document.getElementById(id);

/** Takes away what the last refusal left. */
export function clearRefusals() {
  for (const line of document.querySelectorAll(".compose .refusal")) {
    line.hidden = true;
    line.textContent = "";
  }
  for (const field of document.querySelectorAll(".compose [aria-invalid]")) field.removeAttribute("aria-invalid");
}

/** The server's sentence under its field, which gets the focus; without a field above the button. */
export function showRefusal(problem) {
  // Of a list the server names the entry, too: loras.0.strength.
  const [field] = problem.field?.split(".") ?? [];
  const named = field === "resolution" ? "size" : field;
  const line = byId(`refusal-${named}`) ?? byId("refusal-form");
  setText(line, problem.message);
  line.hidden = false;
  const control = named === "image"
    ? byId("replace")
    : document.querySelector(`.compose [name="${CSS.escape(named ?? "")}"]`);
  if (!control) return;
  if (byId("settings").contains(control)) byId("settings").open = true;
  control.setAttribute("aria-invalid", "true");
  control.focus();
}
