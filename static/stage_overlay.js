import { element } from "./element.js";

/** What lies over a picture that is not up to date: a slate in the middle, a note at the lower edge, or less light. */
export function createOverlay() {
  const bar = element("span", { class: "slate-bar" });
  const title = element("p", { class: "slate-title" });
  const line = element("p", { class: "slate-line" });
  const track = element("span", { class: "slate-track" }, bar);
  const slate = element("div", { class: "stage-slate", hidden: true }, title, track, line);
  const noteText = element("span");
  const ring = element("span", { class: "ring", "aria-hidden": "true" });
  const note = element("p", { class: "stage-note", hidden: true }, ring, noteText);
  const node = element("div", { class: "stage-overlay" }, slate, note);
  return {
    node,
    /** `{ title, line, fraction }`, fraction 0 to 1 or null for a slate without a bar; null takes it away. */
    setSlate(next) {
      slate.hidden = next === null;
      node.parentElement.classList.toggle("waits", next !== null);
      if (next === null) return;
      title.textContent = next.title;
      line.textContent = next.line;
      track.hidden = next.fraction === null;
      bar.style.width = `${100 * (next.fraction ?? 0)}%`;
    },
    /** Text, or null. While a note is up the picture is at 85%. */
    setNote(text) {
      note.hidden = text === null;
      node.parentElement.classList.toggle("stale", text !== null);
      if (text !== null && noteText.textContent !== text) noteText.textContent = text;
    },
  };
}
