import { element } from "./element.js";

const storedKey = "framecast.singleKeys";

/** The list of keys, each `[keys, what they do]`. */
const list = [
  ["Ctrl or ⌘ Enter", "start"],
  ["Space, K", "play, pause"],
  ["← →", "one frame"],
  ["Shift ← →", "one section"],
  ["Home, End", "start, end"],
  ["[ ]", "previous, next section in making order"],
  ["1 2", "what plays"],
  ["F, S", "full screen, Sharp or Smooth"],
  ["N", "to the prompt"],
  ["Esc, ?", "close, list of keys"],
];

/**
 * Shortcuts. Single keys work outside of fields only, and can be turned off in the list of keys.
 * @param acts `start, toggle, step(frames), stepSection(by), ends("start" | "end"), pickNext(by), view(index), fullScreen, scaling, prompt`
 */
export function listenForKeys(acts) {
  const single = {
    " ": acts.toggle,
    k: acts.toggle,
    "[": () => acts.pickNext(-1),
    "]": () => acts.pickNext(1),
    1: () => acts.view(0),
    2: () => acts.view(1),
    f: acts.fullScreen,
    s: acts.scaling,
    n: acts.prompt,
    "?": showKeys,
  };
  const moving = {
    ArrowLeft: ({ shiftKey }) => shiftKey ? acts.stepSection(-1) : acts.step(-1),
    ArrowRight: ({ shiftKey }) => shiftKey ? acts.stepSection(1) : acts.step(1),
    Home: () => acts.ends("start"),
    End: () => acts.ends("end"),
  };
  addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      return acts.start();
    }
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || isField(event.target)) return;
    const isButton = event.target.closest("button, a, summary, [role=menu]") !== null;
    if (event.key === " " && isButton) return;
    const act = moving[event.key] ?? (areOn() ? single[event.key.toLowerCase()] : undefined);
    if (!act || document.querySelector("dialog[open]")) return;
    event.preventDefault();
    act(event);
  });
}

/** What takes the keys itself: text, selects, sliders of the form, tabs, radio buttons. */
function isField(target) {
  return target.closest("input, textarea, select, [contenteditable], [role=tablist], .crop-frame") !== null;
}

function areOn() {
  return localStorage.getItem(storedKey) !== "off";
}

function showKeys() {
  const toggle = element("input", {
    type: "checkbox",
    onchange: () => localStorage.setItem(storedKey, toggle.checked ? "on" : "off"),
  });
  toggle.checked = areOn();
  const rows = list.map(([keys, does]) =>
    element("tr", {}, element("td", {}, element("kbd", { text: keys })), element("td", { text: does }))
  );
  const dialog = element(
    "dialog",
    { class: "question", "aria-label": "Keys" },
    element("table", { class: "key-list" }, element("tbody", {}, ...rows)),
    element("label", { class: "key-switch" }, toggle, " Keys without Ctrl work"),
    element(
      "form",
      { method: "dialog", class: "question-buttons" },
      element("button", { class: "button", text: "Close" }),
    ),
  );
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}
