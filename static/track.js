import { element, setText } from "./element.js";
import { growsBackwards, sectionState } from "./frame_map.js";
import { denseSections, rulerTicks, sectionCells, targetPx } from "./track_geometry.js";
import { badgeFor, sectionName } from "./timeline_words.js";
import { ordinal } from "./measures.js";

/**
 * The sections of a plan: ruler above, a button each, the state line below. The buttons are a toolbar with one tab stop;
 * the pointer is handled by the track as a whole, so that narrow sections can be hit.
 */
export class Track {
  ruler = element("div", { class: "ruler", "aria-hidden": "true" });
  line = element("div", { class: "state-line", "aria-hidden": "true" });
  canvas = element("canvas", { class: "strip-canvas", "aria-hidden": "true" });
  strip;
  /** As from `sectionCells()`. */
  cells = [];
  #onPick;
  #toolbar = element("div", { class: "cells", role: "toolbar", "aria-label": "Sections" });
  #badge = element("span", { class: "badge", hidden: true });
  #buttons = [];
  #shown = null;

  /** @param onPick `(section)` chosen by keyboard */
  constructor(onPick) {
    this.#onPick = onPick;
    this.strip = element("div", { class: "strip" }, this.canvas, this.#toolbar, this.#badge);
    this.#toolbar.addEventListener("keydown", (event) => moveFocus(event, this.#buttons));
  }

  /** `view` is a session's view, `selected` a section or 0. */
  update(view, selected, trackPx) {
    const isSame = this.#shown !== null && samePlan(this.#shown.plan, view.plan) && this.#shown.trackPx === trackPx;
    this.#shown = { plan: view.plan, trackPx };
    if (!isSame) this.#lay(view.plan, trackPx);
    this.#showStates(view, selected);
    showBadge(this.#badge, view, this.cells);
    showLine(this.line, view, trackPx);
  }

  /** Hides the label that the playhead covers. */
  cover(px) {
    for (const tick of this.ruler.children) {
      const left = Number.parseFloat(tick.style.left);
      const isEnd = tick.classList.contains("tick-end");
      tick.classList.toggle("covered", isEnd ? px > left - 44 : px > left - 8 && px < left + 30);
    }
  }

  #lay(plan, trackPx) {
    this.cells = sectionCells(plan.sections, plan.frames, trackPx);
    if (this.#buttons.length !== this.cells.length) this.#makeButtons();
    this.cells.forEach(({ leftPx, widthPx }, index) => {
      Object.assign(this.#buttons[index].style, { left: `${leftPx}px`, width: `${widthPx}px` });
    });
    this.strip.classList.toggle("dense", this.cells.length > denseSections);
    const ticks = rulerTicks(this.cells, plan.frames, plan.frameRate, trackPx);
    this.ruler.replaceChildren(...ticks.map(({ leftPx, label }, index) => {
      const isEnd = index === ticks.length - 1;
      const tick = element("span", { class: isEnd ? "tick tick-end" : "tick" }, element("span", { text: label }));
      tick.style.left = `${leftPx}px`;
      return tick;
    }));
  }

  #makeButtons() {
    this.#buttons = this.cells.map((_, index) =>
      element("button", {
        class: "cell",
        type: "button",
        tabindex: -1,
        onclick: () => this.#onPick(this.cells[index].section),
      })
    );
    this.#toolbar.replaceChildren(...this.#buttons);
  }

  #showStates(view, selected) {
    const hasWords = this.cells.length <= denseSections && this.cells.every(({ widthPx }) => widthPx >= 36);
    this.cells.forEach(({ section }, index) => {
      const state = sectionState(view, section);
      const button = this.#buttons[index];
      button.dataset.state = state;
      button.setAttribute("aria-pressed", String(section === selected));
      button.setAttribute("aria-label", sectionName(view, section));
      // Drawn by the style sheet, because the button's name says the same in more words.
      const word = state === "planned" ? ordinal(section) : state === "failed" ? "failed" : "";
      button.dataset.word = hasWords ? word : "";
    });
    if (this.#toolbar.contains(document.activeElement)) return;
    const stop = Math.max(0, this.cells.findIndex(({ section }) => section === selected));
    this.#buttons.forEach((button, index) => button.tabIndex = index === stop ? 0 : -1);
  }
}

/** Arrow keys go along the timeline, Home and End to its ends. */
function moveFocus(event, buttons) {
  const at = buttons.indexOf(document.activeElement);
  const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: buttons.length - 1 }[event.key];
  if (at < 0 || to === undefined) return;
  event.preventDefault();
  event.stopPropagation();
  const next = buttons[Math.min(buttons.length - 1, Math.max(0, to))];
  buttons.forEach((button) => button.tabIndex = button === next ? 0 : -1);
  next.focus();
}

function samePlan(a, b) {
  return a.frames === b.frames && a.sections[0].start === b.sections[0].start;
}

function showBadge(badge, view, cells) {
  const texts = badgeFor(view);
  const cell = texts && cells.find(({ section }) => section === view.progress.section);
  badge.hidden = !cell;
  if (!cell) return;
  setText(badge, cell.widthPx < 84 && cells.length <= denseSections ? texts[1] : texts[0]);
  const half = badge.offsetWidth / 2;
  const middle = cell.leftPx + cell.widthPx / 2;
  badge.style.left = `${Math.max(half, Math.min(badge.parentElement.clientWidth - half, middle))}px`;
}

/** One bar per range of the frame map; the one in work is filled as far as its steps are. */
function showLine(line, { plan, frameMap, progress }, trackPx) {
  while (line.children.length < frameMap.length) line.append(element("span", { class: "bar" }, element("i")));
  while (line.children.length > frameMap.length) line.lastChild.remove();
  line.dataset.from = growsBackwards(plan) ? "end" : "start";
  frameMap.forEach(({ start, end, state }, index) => {
    const bar = line.children[index];
    const gapPx = end === plan.frames ? 0 : 2;
    bar.dataset.state = state;
    bar.style.left = `${(start / plan.frames) * trackPx}px`;
    bar.style.width = `${Math.max(1, ((end - start) / plan.frames) * trackPx - gapPx)}px`;
    bar.firstChild.style.width = state === "sampling" ? `${(100 * progress.step) / progress.steps}%` : "0";
  });
}

/** Whether the sections of this track can be hit one by one. */
export function canHitSections(cells) {
  return cells.every(({ widthPx }) => widthPx >= targetPx);
}
