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
