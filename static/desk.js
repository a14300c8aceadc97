import { element, icon, setText } from "./element.js";
import { decodedFrames, isDecoded, sectionState } from "./frame_map.js";
import { canHitSections } from "./track.js";
import { sectionFacts } from "./frame_words.js";

/**
 * The row under the timeline: about the selected section, and what can be done with it.
 *
 * @param root an empty element
 * @param handlers `onPlay(range)` · `onSave()` · `onPick(section)`
 */
export function createDesk(root, { onPlay, onSave, onPick }) {
  const bold = element("b");
  const facts = element("span");
  const button = (name, text, onclick) =>
    element("button", { class: "button small", type: "button", onclick }, icon(name), element("span", { text }));
  const arrow = (name, label, step) =>
    element("button", {
      class: "icon-button",
      type: "button",
      "aria-label": label,
      onclick: () => onPick(shown.section + step),
    }, icon(name));
  const previous = arrow("chevron-left", "Previous section in making order", -1);
  const next = arrow("chevron-right", "Next section in making order", 1);
  const play = button("play", "Play section", () => onPlay(shown.view.plan.sections[shown.section - 1]));
  const save = button("image-down", "Save frame", onSave);
  root.append(previous, next, element("p", { class: "desk-text figures" }, bold, facts), play, save);
  let shown = null;

  return {
    /** `section` 0: nothing is finished and nothing was chosen. */
    show(view, section, cells) {
      shown = { view, section };
      root.hidden = section === 0;
      if (section === 0) return;
      const words = sectionFacts(view, section);
      setText(bold, words.bold);
      setText(facts, words.plain);
      previous.hidden = next.hidden = canHitSections(cells);
      previous.disabled = section <= 1;
      next.disabled = section >= view.plan.sections.length;
      save.disabled = decodedFrames(view.frameMap) === 0;
      play.disabled = !isDecoded(sectionState(view, section));
    },
  };
}
