import { element, setText } from "./element.js";
import { showPill } from "./pill.js";
import { recipeFacts, shownAt } from "./session_words.js";
import { fillShare } from "./share.js";
import { titleOf } from "./words.js";

const byId = (id) => document.getElementById(id);

/**
 * The row above the stage: state, title, size, Sharp or Smooth, Share, full screen.
 * @param stage `createStage(…)`
 */
export function createStageHead(stage) {
  let shown = null;
  const pill = byId("pill");
  const scaling = byId("scaling");
  scaling.addEventListener("click", ({ target }) => {
    if (target.dataset.scaling) stage.chooseScaling(target.dataset.scaling);
  });
  byId("full-screen").addEventListener("click", () => stage.toggleFullScreen());
  byId("share-panel").addEventListener("beforetoggle", ({ newState }) => {
    if (newState === "open") fillShare(byId("share-panel"), shown);
  });
  byId("recipe").addEventListener("beforetoggle", ({ newState }) => {
    if (newState === "open") fillRecipe(byId("recipe"), shown);
  });

  function showLayout(layout) {
    if (!shown || !layout) return;
    setText(byId("shown-at"), shownAt(shown.plan, layout));
    scaling.hidden = !layout.enlargeable;
    for (const button of scaling.children) {
      button.setAttribute("aria-pressed", String(button.dataset.scaling === layout.scaling));
    }
  }

  return {
    showLayout,
    /** A session's view and its pill; null before anything runs. */
    show(view, words) {
      byId("stage-head").hidden = view === null;
      shown = view;
      if (view === null) return;
      setText(byId("stage-title"), titleOf(view));
      showPill(pill, words);
      showLayout(stage.layout);
    },
  };
}

function fillRecipe(panel, view) {
  panel.replaceChildren(
    element("p", { text: titleOf(view) }),
    element(
      "dl",
      { class: "facts figures" },
      ...recipeFacts(view).flatMap(([name, value]) => [element("dt", { text: name }), element("dd", { text: value })]),
    ),
  );
}
