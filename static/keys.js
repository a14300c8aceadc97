import { areSingleKeysOn } from "./single_keys.js";

/**
 * Shortcuts. Single keys work outside of fields only, and can be turned off in the list of keys.
 * @param acts `start()` · `prompt()` · `page()` gives the `SessionPage` while a session is open, else null
 */
export function listenForKeys({ start, prompt, page }) {
  const onPage = (act) => (event) => page() && act(page(), event);
  const single = {
    " ": onPage((open) => open.toggle()),
    k: onPage((open) => open.toggle()),
    "[": onPage((open) => open.pickNext(-1)),
    "]": onPage((open) => open.pickNext(1)),
    ...Object.fromEntries([1, 2, 3, 4].map((place) => [place, onPage((open) => open.chooseViewAt(place - 1))])),
    l: onPage((open) => open.backToLive()),
    f: onPage((open) => open.stage.toggleFullScreen()),
    s: onPage((open) => open.stage.toggleScaling()),
    n: prompt,
    "?": async () => (await import("./key_list.js")).showKeys(),
  };
  const move = (by) => onPage((open, { shiftKey }) => shiftKey ? open.stepSection(by) : open.step(by));
  const moving = {
    ArrowLeft: move(-1),
    ArrowRight: move(1),
    Home: onPage((open) => open.seek(0)),
    End: onPage((open) => open.seek(open.view.plan.frames - 1)),
  };
  addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      return start();
    }
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || isField(event.target)) return;
    const isButton = event.target.closest("button, a, summary, [role=menu]") !== null;
    if (event.key === " " && isButton) return;
    const act = moving[event.key] ?? (areSingleKeysOn() ? single[event.key.toLowerCase()] : undefined);
    if (!act || document.querySelector("dialog[open]")) return;
    event.preventDefault();
    act(event);
  });
}

/** What takes the keys itself: text, selects, sliders of the form, tabs, radio buttons. */
function isField(target) {
  return target.closest("input, textarea, select, [contenteditable], [role=tablist], .crop-frame") !== null;
}
