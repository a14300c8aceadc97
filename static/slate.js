/**
 * What the OBS page shows when it has no picture: its words, chosen by a pure function, and the element with them.
 * Never a technical reason; this may be on a stream.
 * @module
 */
import { element, setText } from "./element.js";
import { aboutDuration, exactSeconds, plural } from "./measures.js";
import { secondsToFirstPictures } from "./words.js";

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

/** What a session does that has nothing to show. */
export function slateFor(view) {
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
  const ahead = (queue?.place ?? 1) - 1 + (queue?.running ?? 1); // those that wait before this one, and those that run
  const line = ahead === 0 ? [] : [`${plural(ahead, "video")} ${ahead === 1 ? "is" : "are"} ahead.`];
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

/**
 * The words on the page: the slate, and in the lower left corner a note and the label of the picture.
 * @param kind the option: a slate in the middle, as a small note, or not at all
 */
export function createMessage(root, kind) {
  const title = element("h1");
  const line = element("p", { class: "slate-line" });
  const bar = element("div", { class: "slate-bar" });
  const track = element("div", { class: "slate-track" }, bar);
  const head = element("div", { class: "slate-head" }, mark(), title);
  const slate = element("div", { class: "slate message" }, head, track, line);
  const ring = element("span", { class: "ring", "aria-hidden": "true" });
  const note = cornerNote(ring);
  const label = cornerNote();
  root.append(slate, element("div", { class: "corner" }, note.box, label.box));
  new ResizeObserver(() => fit(slate, root)).observe(root);
  new ResizeObserver(() => fit(slate, root)).observe(slate);

  const showSlate = (next) => {
    slate.classList.toggle("is-up", next !== null);
    if (next === null) return;
    setText(title, next.title);
    setText(line, next.line);
    line.hidden = next.line === "";
    track.hidden = next.fraction === null;
    bar.style.setProperty("--fraction", String(next.fraction ?? 0));
  };

  return {
    /** Null takes each away. @param {import("./embed_scene.js").Scene} scene */
    show(scene) {
      showSlate(kind === "center" ? scene.slate : null);
      ring.hidden = scene.note === null;
      note.show(kind === "none" ? null : scene.note ?? (kind === "note" ? scene.slate?.title ?? null : null));
      label.show(scene.label);
    },
  };
}

/** One line in the corner; its words stay while it fades away. */
function cornerNote(...before) {
  const words = element("span");
  const box = element("div", { class: "slate-note message" }, ...before, words);
  return {
    box,
    show(text) {
      if (text !== null) setText(words, text);
      box.classList.toggle("is-up", text !== null);
    },
  };
}

const plainHeightPx = 720;

/** Grows with a source higher than 720 pixels, so that it can be read on a stream, and never beyond 90% of its sides. */
function fit(slate, root) {
  const across = 0.9 * root.clientWidth / slate.offsetWidth;
  const down = 0.9 * root.clientHeight / slate.offsetHeight;
  slate.style.setProperty("--scale", String(Math.min(Math.max(1, root.clientHeight / plainHeightPx), across, down)));
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
