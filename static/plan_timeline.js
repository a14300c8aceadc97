import { element, setText } from "./element.js";
import { decodedFrames, statesPresent } from "./frame_map.js";
import { stateWords } from "./measures.js";
import { planTitle } from "./timeline_words.js";
import { Track } from "./track.js";

/**
 * The timeline as far as a plan needs it: its length, its sections with their state, the key. What plays is added by
 * `Timeline`.
 *
 * @param root an empty element
 * @returns `{ head, key, area, track, update(view, selected), hooks }`; `hooks.onPick(section)` when one is chosen by keyboard,
 *   `hooks.onLaid(view, selected)` after each drawing
 */
export function createPlanTimeline(root) {
  const hooks = { onPick: () => {}, onLaid: () => {} };
  const title = element("h2", { class: "plan-title" });
  const key = element("ul", { class: "key", "aria-label": "Key" });
  const head = element("div", { class: "timeline-head" }, title, key);
  const track = new Track((section) => hooks.onPick(section));
  const area = element("div", { class: "track" }, track.ruler, track.strip, track.line);
  root.append(head, area);
  let shown = null;

  function lay() {
    if (!shown || area.clientWidth === 0) return;
    const { view, selected } = shown;
    track.update(view, selected, area.clientWidth);
    title.hidden = decodedFrames(view.frameMap) > 0;
    setText(title, planTitle(view.plan));
    showKey(key, view);
    hooks.onLaid(view, selected);
  }

  new ResizeObserver(lay).observe(area);
  return {
    head,
    key,
    area,
    track,
    hooks,
    /** A session's view, or a plan that looks like one; `selected` is a section, or 0. */
    update(view, selected = 0) {
      shown = { view, selected };
      lay();
    },
  };
}

/** The states present; all of them when nothing has run, none when all frames are in the same one. */
function showKey(key, view) {
  const present = statesPresent(view.frameMap);
  const all = ["planned", "sampling", "decoding", "provisional", "final"];
  const states = view.state === "none" ? all : present.length > 1 ? present : [];
  if (key.dataset.states === states.join()) return;
  key.dataset.states = states.join();
  key.replaceChildren(
    ...states.map((state) =>
      element("li", {}, element("span", { class: "bar", "data-state": state }, element("i")), stateWords[state])
    ),
  );
}
