/**
 * What the OBS page shows when it has no picture: its words, chosen by a pure function, and the element with them.
 * Never a technical reason; this may be on a stream.
 * @module
 */
import { element, setText } from "./element.js";
import { aboutDuration, exactSeconds, plural } from "./measures.js";
import { hasPictures, secondsToFirstPictures } from "./words.js";

/** @typedef {{ title: string, line: string, fraction: number | null }} Slate fraction: 0 to 1, null without a bar */

export const connecting = Object.freeze({
  title: "Connecting",
  line: "The picture appears by itself.",
  fraction: null,
});
export const noPicture = Object.freeze({ title: "No picture", line: "", fraction: null });
export const nextVideo = Object.freeze({
  title: "Waiting for the next video",
  line: "The picture appears by itself.",
  fraction: null,
});

/** The slate of a session that has nothing to play; null when it has. */
export function slateFor(view) {
  if (hasPictures(view)) return null;
  if (view.state === "queued") return queued(view);
  if (view.state !== "running") return noPicture;
  const { phase } = view.progress;
  return phase === "waiting" || phase === "loading" ? connecting : making(view);
}

/** The slate after a video, for those who asked for one. */
export function finished({ seconds, frames }) {
  return { title: "The video is finished", line: `${exactSeconds(seconds)}, ${frames} frames`, fraction: null };
}

function queued({ queue }) {
  const ahead = queue?.place ?? 1; // the one that runs, and those that wait before this one
  const line = [`${plural(ahead, "video")} ${ahead === 1 ? "is" : "are"} ahead.`];
  if ((queue?.expectedStartSeconds ?? null) !== null) {
    line.push(`Starts in ${aboutDuration(queue.expectedStartSeconds)}.`);
  }
  return { title: "Waiting for its turn", line: line.join(" "), fraction: null };
}

function making(view) {
  const { section, of, step, steps, phase } = view.progress;
  const what = phase === "decoding" ? "decoding" : `step ${step} of ${steps}`;
  const seconds = secondsToFirstPictures(view);
  const line = [`Section ${Math.max(1, section)} of ${of}, ${what}.`];
  if (seconds !== null) line.push(`First pictures in ${aboutDuration(seconds)}.`);
  return { title: "Making the video", line: line.join(" "), fraction: phase === "decoding" ? 1 : step / steps };
}

/** The slate and the note, in one place on the page. `kind` is the option: in the middle, small, or not at all. */
export function createMessage(root, kind) {
  const title = element("h1");
  const line = element("p", { class: "slate-line" });
  const bar = element("div", { class: "slate-bar" });
  const track = element("div", { class: "slate-track" }, bar);
  const head = element("div", { class: "slate-head" }, mark(), title);
  const slate = element("div", { class: "slate message" }, head, track, line);
  const noteText = element("span");
  const ring = element("span", { class: "ring", "aria-hidden": "true" });
  const note = element("div", { class: "slate-note message" }, ring, noteText);
  root.append(slate, note);

  const showNote = (text) => {
    if (text !== null) setText(noteText, text);
    note.classList.toggle("is-up", text !== null);
  };
  new ResizeObserver(() => fit(slate, root)).observe(root);
  new ResizeObserver(() => fit(slate, root)).observe(slate);

  return {
    /** One of the slates above; null takes it away. */
    showSlate(next) {
      const centered = kind === "center" ? next : null;
      slate.classList.toggle("is-up", centered !== null);
      ring.hidden = true;
      showNote(kind === "note" && next !== null ? next.title : null);
      if (centered === null) return;
      setText(title, centered.title);
      setText(line, centered.line);
      line.hidden = centered.line === "";
      track.hidden = centered.fraction === null;
      bar.style.setProperty("--fraction", String(centered.fraction ?? 0));
    },
    /** "Reconnecting", over the last frame. */
    showReconnecting() {
      this.showSlate(null);
      ring.hidden = false;
      showNote(kind === "none" ? null : "Reconnecting");
    },
  };
}

/** Scales the slate down until it takes at most 90% of the source's sides. */
function fit(slate, root) {
  const across = 0.9 * root.clientWidth / slate.offsetWidth;
  const down = 0.9 * root.clientHeight / slate.offsetHeight;
  slate.style.setProperty("--scale", String(Math.min(1, across, down)));
}

function mark() {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "slate-mark");
  svg.setAttribute("viewBox", "1 0 29 26");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", "wordmark.svg#mark");
  svg.append(use);
  return svg;
}
