import { frameUrl } from "./api.js";
import { element, icon, setText } from "./element.js";
import { growsBackwards, sectionsInTimelineOrder, sectionState } from "./frame_map.js";
import { cardLine, finishedLine } from "./list_words.js";
import { shortSeconds } from "./measures.js";
import { titleOf } from "./words.js";

/**
 * A session that waits or runs: picture, title, its plan as a thin bar, what is left.
 * @param handlers `onOpen(id)` · `onLeave(id)`
 * @returns `{ node, update(view, work) }`
 */
export function createRow({ id }, { onOpen, onLeave }) {
  const image = element("img", { alt: "", loading: "lazy" });
  const title = element("span", { class: "card-title one-line" });
  const plan = element("span", { class: "thin-plan", "aria-hidden": "true" });
  const line = element("span", { class: "card-line figures" });
  const leave = element("button", { class: "icon-button", type: "button", onclick: () => onLeave(id) }, icon("x"));
  const open = element(
    "button",
    { class: "card-open", type: "button", onclick: () => onOpen(id) },
    element("span", { class: "card-picture" }, image),
    element("span", { class: "card-words" }, title, plan, line),
  );
  const node = element("li", { class: "card" }, open, leave);
  return {
    node,
    update(view, work) {
      showImage(image, view.links.image);
      setText(title, titleOf(view));
      setText(line, cardLine(view, work));
      leave.hidden = view.state !== "queued";
      leave.setAttribute("aria-label", `Remove from the queue: ${titleOf(view)}`);
      plan.hidden = view.state === "queued";
      if (view.state !== "queued") showThinPlan(plan, view);
    },
  };
}

/**
 * A session that is over: a cell with its picture, which plays the file while the pointer is on it.
 * @param handlers `onOpen(id)` · `onMenu(view, button)`
 */
export function createCell({ id }, { onOpen, onMenu }) {
  let shown = null;
  const image = element("img", { alt: "", loading: "lazy" });
  const length = element("span", { class: "cell-length figures" });
  const picture = element("span", { class: "cell-picture" }, image, length);
  const title = element("span", { class: "card-title one-line" });
  const line = element("span", { class: "card-line one-line" });
  const open = element(
    "button",
    { class: "cell-open", type: "button", onclick: () => onOpen(id) },
    picture,
    title,
    line,
  );
  const menu = element(
    "button",
    { class: "icon-button cell-menu", type: "button", "aria-haspopup": "true", onclick: () => onMenu(shown, menu) },
    icon("ellipsis"),
  );
  const node = element("li", { class: "finished-cell" }, open, menu);
  playOnHover(node, picture, () => shown.video && shown.links.video);
  return {
    node,
    update(view) {
      shown = view;
      const { video } = view;
      showImage(
        image,
        video ? frameUrl(id, video.firstFrameIndex + Math.floor(video.frames / 2), 192) : view.links.image,
      );
      length.hidden = !video;
      if (video) setText(length, shortSeconds(video.seconds));
      setText(title, titleOf(view));
      setText(line, finishedLine(view, new Date()));
      menu.setAttribute("aria-label", `More for ${titleOf(view)}`);
    },
  };
}

function showImage(image, url) {
  if (image.getAttribute("src") !== url) image.src = url;
}

/** The file plays, muted, while the pointer rests on the cell. */
function playOnHover(node, picture, videoUrl) {
  let video = null;
  node.addEventListener("pointerenter", ({ pointerType }) => {
    const url = videoUrl();
    if (!url || pointerType === "touch" || matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    video = element("video", { src: url, loop: true, playsinline: true, "aria-hidden": "true" });
    video.muted = true;
    picture.append(video);
    video.play().catch(() => {}); // left before it began
  });
  node.addEventListener("pointerleave", () => {
    video?.remove();
    video = null;
  });
}

/** One box per section in timeline order; above 24 one bar that is filled from the side it grows from. */
function showThinPlan(plan, view) {
  const sections = sectionsInTimelineOrder(view.plan);
  const states = sections.length > 24 ? [] : sections.map(({ section }) => sectionState(view, section));
  plan.classList.toggle("as-bar", states.length === 0);
  plan.dataset.from = growsBackwards(view.plan) ? "end" : "start";
  const wanted = states.length || 1;
  while (plan.children.length < wanted) plan.append(element("i"));
  while (plan.children.length > wanted) plan.lastChild.remove();
  if (states.length === 0) plan.firstChild.style.width = `${view.progress.percent}%`;
  else {states.forEach((state, index) => {
      plan.children[index].style.width = "";
      plan.children[index].dataset.state = state;
    });}
}
