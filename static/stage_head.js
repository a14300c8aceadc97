import { element, icon, setText } from "./element.js";
import { addLinePanel } from "./line_button.js";
import { showPill } from "./pill.js";
import { placePopovers } from "./popover.js";
import { recipeFacts, shownAt } from "./session_words.js";
import { shareRows } from "./share.js";
import { titleOf } from "./words.js";

/**
 * The row above the stage: state, title, size, Sharp or Smooth, Share, full screen. On a phone all but state and title stand
 * in a panel.
 *
 * @param root an empty element
 * @param stage a `Stage`
 * @param stats `() => Promise of the browser's report` about the live picture, or of null
 */
export function createStageHead(root, stage, stats) {
  let shown = null;
  const pill = element("button", { class: "pill", type: "button", disabled: true });
  const title = element("button", { class: "stage-title one-line", type: "button", popovertarget: "recipe" });
  const recipe = panel("recipe", () => recipeOf(shown));
  const more = element(
    "button",
    { class: "icon-button more", type: "button", popovertarget: "head-tools", "aria-label": "More" },
    icon("ellipsis"),
  );
  const size = element("span", { class: "shown-at figures" });
  const scaling = element(
    "div",
    { class: "segments scaling", role: "group", "aria-label": "Small pictures" },
    ...[["sharp", "Sharp"], ["smooth", "Smooth"]].map(([name, text]) =>
      element("button", { type: "button", "data-scaling": name, text, onclick: () => stage.chooseScaling(name) })
    ),
  );
  const share = element(
    "button",
    { class: "button small", type: "button", popovertarget: "share-panel" },
    icon("share-2"),
    element("span", { text: "Share" }),
  );
  const fullScreen = element(
    "button",
    { class: "icon-button", type: "button", "aria-label": "Full screen", onclick: () => stage.toggleFullScreen() },
    icon("maximize"),
  );
  const tools = element(
    "div",
    { class: "head-tools", id: "head-tools", popover: true },
    size,
    scaling,
    share,
    fullScreen,
  );
  root.append(pill, title, recipe, more, tools, panel("share-panel", () => shareRows(shown)));
  fullScreen.hidden = !document.fullscreenEnabled;
  placePopovers(root);
  const showHasLine = addLinePanel(pill, { stats, view: () => shown });

  function showLayout(layout) {
    if (!shown || !layout) return;
    setText(size, shownAt(shown.plan, layout));
    scaling.hidden = !layout.enlargeable;
    for (const button of scaling.children) {
      button.setAttribute("aria-pressed", String(button.dataset.scaling === layout.scaling));
    }
  }

  return {
    showLayout,
    /** A session's view, its pill, and whether there is a live picture. */
    show(view, words, hasLine) {
      shown = view;
      showHasLine(hasLine);
      setText(title, titleOf(view));
      showPill(pill, words);
      showLayout(stage.layout);
    },
  };
}

/** A popover whose content is made when it opens. */
function panel(id, content) {
  const node = element("div", { class: `popover ${id}`, id, popover: true });
  node.addEventListener("beforetoggle", ({ newState }) => newState === "open" && node.replaceChildren(...content()));
  return node;
}

function recipeOf(view) {
  const facts = recipeFacts(view);
  return [
    element("p", { text: titleOf(view) }),
    element(
      "dl",
      { class: "facts figures" },
      ...facts.flatMap(([name, value]) => [element("dt", { text: name }), element("dd", { text: value })]),
    ),
  ];
}
