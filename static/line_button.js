import { element } from "./element.js";
import { placePopover } from "./popover.js";
import { addStyleSheets } from "./style_sheets.js";

/**
 * Makes a pill, which is a `<button>`, open the panel about the line to the live picture.
 * @param source see `showLine()`
 * @returns `(has) => void`: whether there is a line to tell of
 */
export function addLinePanel(pill, source) {
  const panel = element("div", { class: "popover line-panel", id: "line-panel", popover: true });
  pill.after(panel);
  pill.setAttribute("popovertarget", panel.id);
  pill.setAttribute("aria-description", "Opens the state of the line");
  let closed = new AbortController();
  panel.addEventListener("toggle", async ({ newState }) => {
    closed.abort();
    closed = new AbortController();
    const { signal } = closed;
    pill.setAttribute("aria-expanded", String(newState === "open"));
    if (newState !== "open") return;
    const [{ showLine }] = await Promise.all([import("./line_panel.js"), addStyleSheets("line_panel.css")]);
    if (signal.aborted) return;
    showLine(panel, source, signal);
    placePopover(panel, pill);
  });
  return (has) => {
    pill.disabled = !has;
    if (!has && panel.matches(":popover-open")) panel.hidePopover();
  };
}
